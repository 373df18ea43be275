//! Topics of a run.

use std::time::Duration;

use event_bus::admin::{Admin, TopicSpec};
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
};

use crate::place::Place;

/// Makes these topics, empty.
///
/// # Errors
/// When the broker does not.
pub async fn anew(place: &Place, names: &[&str], partitions: i32) -> anyhow::Result<()> {
    let admin = Admin::new(&place.bus(), Duration::from_secs(30));
    admin.delete_topics(names).await?;
    let topics: Vec<TopicSpec> = names
        .iter()
        .map(|name| TopicSpec::new(*name, partitions))
        .collect();
    admin.create_topics(&topics).await?;
    Ok(())
}

/// The end of a topic, to see how many records have come.
pub struct End {
    client: BaseConsumer,
    topic: String,
    partitions: i32,
}

impl End {
    /// Of the topic of this name.
    ///
    /// # Errors
    /// When a client cannot be made.
    pub fn of(place: &Place, name: &str, partitions: i32) -> anyhow::Result<Self> {
        let client = ClientConfig::new()
            .set("bootstrap.servers", &place.kafka)
            .create()?;
        Ok(Self {
            client,
            topic: place.bus().prefixed(name),
            partitions,
        })
    }

    /// Records in the topic. Blocks while the broker is asked.
    ///
    /// # Errors
    /// When the broker does not say.
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
