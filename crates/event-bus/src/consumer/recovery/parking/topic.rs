//! The topic where a group parks: made where it is missing, and cut where nothing is parked any more.

use std::collections::BTreeMap;

use crate::{
    BusError,
    admin::{Admin, TopicSpec},
};

/// What a topic takes unless it says otherwise: Kafka's default.
const MAX_MESSAGE_BYTES: u64 = 1_048_588;
/// A parked record is larger than its original by its report.
const STORY_BYTES: u64 = 64 << 10;
const MAX_BYTES: &str = "max.message.bytes";
const MIN_IN_SYNC: &str = "min.insync.replicas";

/// Makes `parked` with the partitions and replicas of `topic`, or gives it the partitions it is short of.
///
/// # Errors
/// `topic` is not there; the broker does not answer or does not allow it.
pub(in crate::consumer) async fn ensure(
    admin: &Admin,
    topic: &str,
    parked: &str,
) -> Result<(), BusError> {
    let topics = admin.topics().await?;
    let find = |name: &str| topics.iter().find(|topic| topic.name == name);
    let Some(source) = find(topic) else {
        return Err(BusError::Settings(format!("there is no topic {topic}")));
    };
    if let Some(there) = find(parked) {
        if there.partitions.len() < source.partitions.len() {
            admin.grow(parked, source.partitions.len()).await?;
        }
        return Ok(());
    }
    let own = admin.settings_of(source).await?;
    let largest = own.get(MAX_BYTES).and_then(|bytes| bytes.parse().ok());
    let largest = largest.unwrap_or(MAX_MESSAGE_BYTES) + STORY_BYTES;
    let mut config: BTreeMap<String, String> = [
        ("cleanup.policy", "delete".to_owned()),
        // What is parked stays until somebody says what becomes of it.
        ("retention.ms", "-1".to_owned()),
        ("retention.bytes", "-1".to_owned()),
        (MAX_BYTES, largest.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if let Some(replicas) = own.get(MIN_IN_SYNC) {
        config.insert(MIN_IN_SYNC.to_owned(), replicas.clone());
    }
    let replicas = source
        .partitions
        .iter()
        .map(|held| held.replicas.len())
        .max();
    let spec = TopicSpec {
        replication: replicas
            .and_then(|count| count.try_into().ok())
            .unwrap_or(1),
        config,
        ..TopicSpec::new(parked, source.partitions.len().try_into().unwrap_or(1))
    };
    admin.create_exactly(&[spec]).await?;
    tracing::info!(topic = parked, "topic for parked events made");
    Ok(())
}
