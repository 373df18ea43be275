//! The topics of a run.

use std::time::Duration;

use event_bus::admin::{Admin, TopicSpec};
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
};

use crate::environment::Environment;

/// Creates empty topics, replacing existing ones.
///
/// # Errors
/// The broker returns an error.
pub async fn recreate(
    environment: &Environment,
    names: &[&str],
    partitions: i32,
) -> anyhow::Result<()> {
    let admin = Admin::new(&environment.bus(), Duration::from_secs(30));
    admin.delete_topics(names).await?;
    let topics: Vec<TopicSpec> = names
        .iter()
        .map(|name| TopicSpec::new(*name, partitions))
        .collect();
    admin.create_topics(&topics).await?;
    Ok(())
}

/// Counts the records of a topic by its end offsets.
pub struct End {
    client: BaseConsumer,
    topic: String,
    partitions: i32,
}

impl End {
    /// Creates a counter for a topic.
    ///
    /// # Errors
    /// The client cannot be created.
    pub fn of(environment: &Environment, name: &str, partitions: i32) -> anyhow::Result<Self> {
        let client = ClientConfig::new()
            .set("bootstrap.servers", &environment.kafka)
            .create()?;
        Ok(Self {
            client,
            topic: environment.bus().prefixed(name),
            partitions,
        })
    }

    /// Returns the number of records. Blocks during the request.
    ///
    /// # Errors
    /// The broker does not respond.
    pub fn records(&self) -> anyhow::Result<u64> {
        let mut records = 0;
        for partition in 0..self.partitions {
            let patience = Duration::from_secs(10);
            let (low, high) = self
                .client
                .fetch_watermarks(&self.topic, partition, patience)?;
            records += u64::try_from(high - low)?;
        }
        Ok(records)
    }
}
