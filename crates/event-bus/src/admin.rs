//! Topics and groups: made, listed, measured. For command lines and tests.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    admin::{
        AdminClient, AdminOptions, ConfigSource, NewPartitions, NewTopic, ResourceSpecifier,
        TopicReplication,
    },
    client::DefaultClientContext,
    consumer::Consumer as _,
    error::{KafkaError, RDKafkaErrorCode},
    metadata::MetadataTopic,
};
use serde::Deserialize;

use crate::{
    BusError, BusSettings, DEAD_LETTER_SUFFIX,
    security::{Reader, hint_for, reader},
};

/// Before asking again for what is just being made.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// A topic as it should be, and its dead-letter topic beside it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicSpec {
    /// The name without prefix.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// How many replicas of each.
    #[serde(default = "one")]
    pub replication: i32,
    /// Settings of the topic, as `retention.ms`.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// Settings of its dead-letter topic; the topic's own unless given.
    #[serde(default)]
    pub dlq: Option<BTreeMap<String, String>>,
}

fn one() -> i32 {
    1
}

impl TopicSpec {
    /// A topic with that many partitions, one replica, nothing set.
    pub fn new(name: impl Into<String>, partitions: i32) -> Self {
        Self {
            name: name.into(),
            partitions,
            replication: 1,
            config: BTreeMap::new(),
            dlq: None,
        }
    }

    /// The specification of its dead-letter topic. A dead letter is larger than its original by its story,
    /// so it may be.
    fn dead_letters(&self) -> Self {
        let mut config = self.dlq.clone().unwrap_or_else(|| self.config.clone());
        let largest = self
            .config
            .get("max.message.bytes")
            .and_then(|bytes| bytes.parse().ok());
        let largest: u64 = largest.unwrap_or(1_048_588) + (64 << 10);
        config
            .entry("max.message.bytes".to_owned())
            .or_insert_with(|| largest.to_string());
        Self {
            name: format!("{}{DEAD_LETTER_SUFFIX}", self.name),
            config,
            ..self.clone()
        }
    }
}

/// What came of asking for a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was made.
    Created,
    /// It was there; it was not changed.
    Existed,
}

/// A topic as it is.
#[derive(Clone, Debug)]
pub struct Topic {
    /// The name without prefix.
    pub name: String,
    /// Its partitions by number.
    pub partitions: Vec<Partition>,
}

/// A partition as it is.
#[derive(Clone, Debug)]
pub struct Partition {
    /// Its number.
    pub number: i32,
    /// The broker that leads it.
    pub leader: i32,
    /// The brokers that hold it.
    pub replicas: Vec<i32>,
    /// Those of them that are up to date.
    pub in_sync: Vec<i32>,
}

/// A consumer group as it is.
#[derive(Clone, Debug)]
pub struct Group {
    /// The name without prefix.
    pub name: String,
    /// `Stable`, `Empty`, `PreparingRebalance`, …
    pub state: String,
    /// The client ids and hosts of its members.
    pub members: Vec<String>,
}

/// How far a group is on one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The topic without prefix.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset it will go on from.
    pub committed: i64,
    /// The offset the next record will get.
    pub end: i64,
}

impl Lag {
    /// How many records it is behind.
    pub fn records(&self) -> i64 {
        (self.end - self.committed).max(0)
    }
}

/// Asks the broker. Every call ends within `timeout`.
#[derive(Clone)]
pub struct Admin {
    settings: BusSettings,
    timeout: Duration,
}

impl Admin {
    /// Nothing is asked yet.
    pub fn new(settings: &BusSettings, timeout: Duration) -> Self {
        Self {
            settings: settings.clone(),
            timeout,
        }
    }

    /// Makes each topic and its dead-letter topic, where they are missing.
    pub async fn create_topics(
        &self,
        specs: &[TopicSpec],
    ) -> Result<Vec<(String, Applied)>, BusError> {
        let wanted: Vec<TopicSpec> = specs
            .iter()
            .flat_map(|spec| [spec.clone(), spec.dead_letters()])
            .collect();
        self.create_exactly(&wanted).await
    }

    /// Makes the topics where they are missing, and nothing beside them.
    pub async fn create_exactly(
        &self,
        specs: &[TopicSpec],
    ) -> Result<Vec<(String, Applied)>, BusError> {
        let names: Vec<String> = specs
            .iter()
            .map(|spec| self.settings.prefixed(&spec.name))
            .collect();
        let topics = specs.iter().zip(&names).map(|(spec, name)| {
            let replication = TopicReplication::Fixed(spec.replication);
            let topic = NewTopic::new(name, spec.partitions, replication);
            spec.config
                .iter()
                .fold(topic, |topic, (key, value)| topic.set(key, value))
        });
        let topics: Vec<NewTopic<'_>> = topics.collect();
        let results = self
            .client()
            .await?
            .create_topics(&topics, &self.options())
            .await?;
        let applied = results
            .into_iter()
            .zip(specs)
            .map(|(result, spec)| match result {
                Ok(_) => Ok((spec.name.clone(), Applied::Created)),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {
                    Ok((spec.name.clone(), Applied::Existed))
                }
                Err((name, code)) => Err(refused(&name, code)),
            });
        let applied: Vec<(String, Applied)> = applied.collect::<Result<_, _>>()?;
        self.wait_until_led(specs).await?;
        Ok(applied)
    }

    /// A topic is of use only when each of its partitions has a leader, which comes a moment later.
    async fn wait_until_led(&self, specs: &[TopicSpec]) -> Result<(), BusError> {
        let deadline = Instant::now() + self.timeout;
        loop {
            let topics = self.topics().await?;
            let is_led = |spec: &TopicSpec| {
                let topic = topics.iter().find(|topic| topic.name == spec.name);
                topic.is_some_and(|topic| {
                    topic
                        .partitions
                        .iter()
                        .all(|partition| partition.leader >= 0)
                })
            };
            if specs.iter().all(is_led) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let late = "topics were created, but are without leaders still";
                return Err(BusError::Settings(late.to_owned()));
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    /// Removes topics with everything in them.
    pub async fn delete_topics(&self, names: &[&str]) -> Result<(), BusError> {
        let names: Vec<String> = names
            .iter()
            .map(|name| self.settings.prefixed(name))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.client()
            .await?
            .delete_topics(&names, &self.options())
            .await?;
        Ok(())
    }

    /// Gives a topic more partitions, so that it has `partitions`.
    pub async fn grow(&self, topic: &str, partitions: usize) -> Result<(), BusError> {
        let name = self.settings.prefixed(topic);
        let wanted = [NewPartitions::new(&name, partitions)];
        let results = self
            .client()
            .await?
            .create_partitions(&wanted, &self.options())
            .await?;
        for result in results {
            result.map_err(|(name, code)| BusError::Settings(format!("topic {name}: {code}")))?;
        }
        Ok(())
    }

    /// Deletes a partition's records before `offset`.
    pub async fn delete_records(
        &self,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> Result<(), BusError> {
        let name = self.settings.prefixed(topic);
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&name, partition, Offset::Offset(offset))?;
        let done = self
            .client()
            .await?
            .delete_records(&list, &self.options())
            .await?;
        for element in done.elements() {
            element.error()?;
        }
        Ok(())
    }

    /// The topics that carry the prefix, by name; the broker's own left out.
    pub async fn topics(&self) -> Result<Vec<Topic>, BusError> {
        let admin = self.clone();
        self.blocking(move |consumer| {
            let metadata = consumer.fetch_metadata(None, admin.timeout)?;
            let mut topics: Vec<Topic> = metadata
                .topics()
                .iter()
                .filter(|topic| !topic.name().starts_with("__"))
                .filter(|topic| topic.name().starts_with(&admin.settings.topic_prefix))
                .map(|topic| admin.topic(topic))
                .collect();
            topics.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(topics)
        })
        .await
    }

    /// One topic; `None` when there is none of that name.
    pub async fn describe(&self, name: &str) -> Result<Option<Topic>, BusError> {
        Ok(self
            .topics()
            .await?
            .into_iter()
            .find(|topic| topic.name == name))
    }

    /// The settings of a topic that are not the broker's default, by name.
    pub async fn settings_of(&self, topic: &Topic) -> Result<BTreeMap<String, String>, BusError> {
        let name = self.settings.prefixed(&topic.name);
        let asked = [ResourceSpecifier::Topic(&name)];
        let answers = self
            .client()
            .await?
            .describe_configs(&asked, &self.options())
            .await?;
        let mut settings = BTreeMap::new();
        for answer in answers {
            let resource = answer.map_err(|code| refused(&name, code))?;
            for entry in resource.entries {
                if entry.source == ConfigSource::DynamicTopic {
                    settings.insert(entry.name, entry.value.unwrap_or_default());
                }
            }
        }
        Ok(settings)
    }

    /// The first offset and the one after the last, by partition.
    pub async fn watermarks(&self, topic: &Topic) -> Result<Vec<(i32, i64, i64)>, BusError> {
        let (admin, topic) = (self.clone(), topic.clone());
        self.blocking(move |consumer| {
            let name = admin.settings.prefixed(&topic.name);
            let mut marks = Vec::with_capacity(topic.partitions.len());
            for partition in &topic.partitions {
                let (low, high) = watermarks(consumer, &name, partition.number, admin.timeout)?;
                marks.push((partition.number, low, high));
            }
            Ok(marks)
        })
        .await
    }

    /// The groups that carry the prefix, by name.
    pub async fn groups(&self) -> Result<Vec<Group>, BusError> {
        let admin = self.clone();
        self.blocking(move |consumer| {
            let list = consumer.fetch_group_list(None, admin.timeout)?;
            let mut groups: Vec<Group> = list
                .groups()
                .iter()
                .filter(|group| group.name().starts_with(&admin.settings.topic_prefix))
                .map(|group| Group {
                    name: admin.settings.without_prefix(group.name()).to_owned(),
                    state: group.state().to_owned(),
                    members: group
                        .members()
                        .iter()
                        .map(|member| format!("{}@{}", member.client_id(), member.client_host()))
                        .collect(),
                })
                .collect();
            groups.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(groups)
        })
        .await
    }

    /// How far a group is on each partition it has committed anything for.
    pub async fn lag(&self, group: &str) -> Result<Vec<Lag>, BusError> {
        let topics = self.topics().await?;
        let admin = self.clone();
        let mut config = self.settings.client();
        config.set("group.id", self.settings.prefixed(group));
        let ask = move || -> Result<Vec<Lag>, BusError> {
            let consumer = reader(&config, admin.timeout)?;
            let mut list = TopicPartitionList::new();
            for topic in &topics {
                for partition in &topic.partitions {
                    list.add_partition(&admin.settings.prefixed(&topic.name), partition.number);
                }
            }
            let mut lags = Vec::new();
            for element in consumer.committed_offsets(list, admin.timeout)?.elements() {
                let Offset::Offset(committed) = element.offset() else {
                    continue;
                };
                let (topic, partition) = (element.topic(), element.partition());
                let (_, end) = watermarks(&consumer, topic, partition, admin.timeout)?;
                lags.push(Lag {
                    topic: admin.settings.without_prefix(topic).to_owned(),
                    partition,
                    committed,
                    end,
                });
            }
            Ok(lags)
        };
        spawn_blocking(ask).await
    }

    fn topic(&self, topic: &MetadataTopic) -> Topic {
        let partitions = topic.partitions().iter().map(|partition| Partition {
            number: partition.id(),
            leader: partition.leader(),
            replicas: partition.replicas().to_vec(),
            in_sync: partition.isr().to_vec(),
        });
        Topic {
            name: self.settings.without_prefix(topic.name()).to_owned(),
            partitions: partitions.collect(),
        }
    }

    /// A client that makes and removes. It keeps to itself why it is refused, so a reader goes first.
    async fn client(&self) -> Result<AdminClient<DefaultClientContext>, BusError> {
        self.blocking(|_| Ok(())).await?;
        Ok(self.settings.client().create()?)
    }

    fn options(&self) -> AdminOptions {
        AdminOptions::new()
            .request_timeout(Some(self.timeout))
            .operation_timeout(Some(self.timeout))
    }

    /// Runs a question on a thread where it may block.
    async fn blocking<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Reader) -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T, BusError> {
        let (config, timeout) = (self.settings.client(), self.timeout);
        spawn_blocking(move || {
            let consumer = reader(&config, timeout)?;
            Ok(ask(&consumer)?)
        })
        .await
    }
}

/// The first offset and the one after the last; waits for a leader that is just being made.
pub(crate) fn watermarks(
    consumer: &Reader,
    topic: &str,
    partition: i32,
    timeout: Duration,
) -> Result<(i64, i64), KafkaError> {
    let deadline = Instant::now() + timeout;
    loop {
        let error = match consumer.fetch_watermarks(topic, partition, timeout) {
            Ok(marks) => return Ok(marks),
            Err(error) => error,
        };
        let passes = matches!(
            error.rdkafka_error_code(),
            Some(
                RDKafkaErrorCode::NotLeaderForPartition
                    | RDKafkaErrorCode::LeaderNotAvailable
                    | RDKafkaErrorCode::UnknownTopicOrPartition
            )
        );
        if !passes || Instant::now() > deadline {
            return Err(error);
        }
        thread::sleep(RETRY_PAUSE);
    }
}

fn refused(topic: &str, code: RDKafkaErrorCode) -> BusError {
    let hint = hint_for(code).map_or_else(String::new, |hint| format!("; {hint}"));
    BusError::Settings(format!("topic {topic}: {code}{hint}"))
}

async fn spawn_blocking<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, BusError> + Send + 'static,
) -> Result<T, BusError> {
    let asked = tokio::task::spawn_blocking(ask).await;
    asked.unwrap_or_else(|error| Err(BusError::Died(error.to_string())))
}
