//! `tenantryctl topics …`

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use event_bus::admin::{Applied, Topic, TopicSpec};
use serde::Deserialize;

use crate::{Bus, table};

#[derive(Subcommand)]
pub enum Topics {
    /// Create the missing topics of a file, each with its dead-letter topic
    Apply(Apply),
    /// List topics
    List,
    /// Show a topic's partitions, offsets and settings
    Describe {
        /// The topic
        name: String,
    },
    /// Create a topic and its dead-letter topic
    Create(Create),
}

#[derive(Args)]
pub struct Apply {
    /// A TOML file of [[topic]] tables with name, partitions, replication, config and dlq
    #[arg(long, default_value = "kafka/topics.toml")]
    file: PathBuf,
}

#[derive(Args)]
pub struct Create {
    /// The topic
    name: String,
    /// Number of partitions, the maximum number of active members in a group
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(i32).range(1..=10_000))]
    partitions: i32,
    /// Replication factor
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=100))]
    replication: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicsFile {
    #[serde(default)]
    topic: Vec<TopicSpec>,
}

impl Topics {
    pub async fn run(self, bus: &Bus) -> anyhow::Result<()> {
        match self {
            Self::Apply(apply) => {
                let path = apply.file.display().to_string();
                let text = std::fs::read_to_string(&apply.file).with_context(|| path.clone())?;
                let file: TopicsFile = toml::from_str(&text).with_context(|| path)?;
                create(bus, &file.topic).await
            }
            Self::Create(create_args) => {
                let mut spec = TopicSpec::new(create_args.name, create_args.partitions);
                spec.replication = create_args.replication;
                create(bus, &[spec]).await
            }
            Self::List => list(bus).await,
            Self::Describe { name } => match bus.admin.describe(&name).await? {
                Some(topic) => describe(bus, &topic).await,
                None => bail!("there is no topic {name}"),
            },
        }
    }
}

async fn create(bus: &Bus, specs: &[TopicSpec]) -> anyhow::Result<()> {
    for (name, applied) in bus.admin.create_topics(specs).await? {
        let applied = match applied {
            Applied::Created => "created",
            Applied::Existed => "existed",
        };
        println!("{applied}  {name}");
    }
    Ok(())
}

async fn list(bus: &Bus) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for topic in bus.admin.topics().await? {
        let marks = bus.admin.watermarks(&topic).await?;
        let records: i64 = marks.iter().map(|(_, low, end)| end - low).sum();
        rows.push(vec![
            topic.name,
            topic.partitions.len().to_string(),
            records.to_string(),
        ]);
    }
    table::print(&["TOPIC", "PARTITIONS", "RECORDS"], &rows)?;
    Ok(())
}

async fn describe(bus: &Bus, topic: &Topic) -> anyhow::Result<()> {
    println!("topic {}", topic.name);
    for (name, value) in bus.admin.settings_of(topic).await? {
        println!("  {name} = {value}");
    }
    let marks = bus.admin.watermarks(topic).await?;
    let rows = topic
        .partitions
        .iter()
        .zip(&marks)
        .map(|(partition, (_, low, end))| {
            vec![
                partition.number.to_string(),
                partition.leader.to_string(),
                list_of(&partition.replicas),
                list_of(&partition.in_sync),
                low.to_string(),
                end.to_string(),
            ]
        });
    let head = ["PARTITION", "LEADER", "REPLICAS", "IN SYNC", "FIRST", "END"];
    table::print(&head, &rows.collect::<Vec<_>>())?;
    Ok(())
}

fn list_of(brokers: &[i32]) -> String {
    let names: Vec<String> = brokers.iter().map(ToString::to_string).collect();
    names.join(",")
}
