//! Publishing: in order for each key, acknowledged by all replicas, never waiting on a broker that is away.

mod batch;
mod breaker;
mod error;
mod link;
mod raw;

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rdkafka::{
    ClientConfig,
    error::{KafkaError, RDKafkaErrorCode},
};
use tokio::time::Instant;

use crate::{
    BusError, BusSettings, Event, EventParts, OutboundRecord, Registry, RegistryError,
    SchemaSource, codec, metrics, security::Trouble,
};
use batch::{Batch, Outcome};
use breaker::{Admission, Breaker};
use link::{Enqueued, Link};

pub use breaker::BreakerState;
pub use error::PublishError;
pub use raw::RawRecord;

/// How long a batch may wait for its acknowledgements.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long to wait when librdkafka's queue is full.
const QUEUE_PAUSE: Duration = Duration::from_millis(5);

/// Publishes events. Cheap to clone; one for a process is enough.
///
/// Bounded everywhere: librdkafka holds at most 128 MiB, a batch waits at most its deadline (10 s unless
/// set), and while the broker is away calls fail at once, but for one probe now and then.
#[derive(Clone)]
pub struct Producer(Arc<Inner>);

struct Inner {
    settings: BusSettings,
    config: ClientConfig,
    registry: Registry,
    schemas: Arc<dyn SchemaSource>,
    breaker: Breaker,
    link: Mutex<Option<Arc<Link>>>,
    deadline: Duration,
    /// Why the broker does not take what is sent.
    trouble: Trouble,
}

impl Producer {
    /// A producer that finds the schemas of bare data in `schemas`. Connects by itself, when it can.
    pub fn new(settings: &BusSettings, schemas: impl SchemaSource) -> Result<Self, BusError> {
        Self::with_deadline(settings, schemas, DEADLINE)
    }

    /// As [`Producer::new`], with another deadline for a batch.
    pub fn with_deadline(
        settings: &BusSettings,
        schemas: impl SchemaSource,
        deadline: Duration,
    ) -> Result<Self, BusError> {
        settings.security.check()?;
        let mut config = settings.client();
        link::configure(&mut config);
        let trouble = Trouble::default();
        let link = Link::open(&config, &trouble)?;
        Ok(Self(Arc::new(Inner {
            settings: settings.clone(),
            config,
            registry: settings.registry()?,
            schemas: Arc::new(schemas),
            breaker: Breaker::new(deadline * 2),
            link: Mutex::new(Some(Arc::new(link))),
            deadline,
            trouble,
        })))
    }

    /// Publishes one event now, without an outbox: when it returns `Ok`, the event is in the log.
    pub async fn publish<E: Event>(
        &self,
        parts: EventParts,
        event: &E,
    ) -> Result<(), PublishError> {
        let record = OutboundRecord::of(parts, event)?;
        let subject = self.subject(&record.topic, E::schema());
        let id = self.0.registry.id(&subject, E::schema()).await;
        let outgoing = id.map_err(of_registry).map(|id| self.outgoing(&record, id));
        let keys = [record.envelope.partition_key.as_str()];
        self.send(vec![outgoing], &keys).await.remove(0)
    }

    /// Publishes records in order and waits for all acknowledgements: a result for each record.
    ///
    /// Records of one key (within a topic) succeed as a prefix: after a failed one no later is reported as
    /// published, so the caller keeps what failed and sends it again in the same order.
    pub async fn publish_batch(&self, records: &[OutboundRecord]) -> Vec<Result<(), PublishError>> {
        let mut ids: HashMap<(&str, &str, u32), Result<u32, PublishError>> = HashMap::new();
        for record in records {
            let envelope = &record.envelope;
            let wanted = (
                record.topic.as_str(),
                envelope.event_type.as_str(),
                envelope.data_version,
            );
            if let Entry::Vacant(entry) = ids.entry(wanted) {
                entry.insert(self.schema_id(wanted).await);
            }
        }
        let outgoing = records.iter().map(|record| {
            let envelope = &record.envelope;
            let wanted = (
                record.topic.as_str(),
                envelope.event_type.as_str(),
                envelope.data_version,
            );
            ids[&wanted].clone().map(|id| self.outgoing(record, id))
        });
        let keys: Vec<&str> = records
            .iter()
            .map(|record| record.envelope.partition_key.as_str())
            .collect();
        self.send(outgoing.collect(), &keys).await
    }

    /// What the circuit breaker does with the next call.
    pub fn state(&self) -> BreakerState {
        self.0.breaker.state()
    }

    /// Asks the broker for its metadata, to see whether it answers within `timeout`.
    pub async fn ping(&self, timeout: Duration) -> Result<(), BusError> {
        let link = self.link()?;
        let asked = tokio::task::spawn_blocking(move || link.ping(timeout)).await;
        let answered = asked.map_err(|error| BusError::Died(error.to_string()))?;
        answered.map_err(|error| BusError::Broker(self.0.trouble.explain(&error.to_string())))
    }

    /// The registry this producer uses.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// Puts bytes on a topic: for dead letters, replays and tools.
    pub async fn publish_raw(&self, record: RawRecord) -> Result<(), PublishError> {
        self.publish_raw_batch(vec![record]).await.remove(0)
    }

    /// Puts records on their topics in order and waits for all acknowledgements: a result for each. As in
    /// [`Producer::publish_batch`], records of one key succeed as a prefix.
    pub async fn publish_raw_batch(
        &self,
        mut records: Vec<RawRecord>,
    ) -> Vec<Result<(), PublishError>> {
        let keys = records.iter().map(|record| record.key.as_deref());
        let keys: Vec<String> = keys
            .map(|key| String::from_utf8_lossy(key.unwrap_or_default()).into_owned())
            .collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        for record in &mut records {
            record.topic = self.0.settings.prefixed(&record.topic);
        }
        self.send(records.into_iter().map(Ok).collect(), &keys)
            .await
    }

    fn subject(&self, topic: &str, schema: &crate::AvroSchema) -> String {
        Registry::subject(&self.0.settings.prefixed(topic), schema)
    }

    async fn schema_id(
        &self,
        (topic, ty, version): (&str, &str, u32),
    ) -> Result<u32, PublishError> {
        let Some(schema) = self.0.schemas.schema(ty, version) else {
            let unknown = format!("no schema is known for {ty} at version {version}");
            return Err(PublishError::Refused(unknown));
        };
        let subject = self.subject(topic, schema);
        self.0
            .registry
            .id(&subject, schema)
            .await
            .map_err(of_registry)
    }

    fn outgoing(&self, record: &OutboundRecord, schema_id: u32) -> RawRecord {
        let envelope = &record.envelope;
        let headers = envelope.to_headers().into_iter();
        RawRecord {
            topic: self.0.settings.prefixed(&record.topic),
            partition: None,
            key: Some(envelope.partition_key.clone().into_bytes()),
            value: Some(codec::frame(schema_id, &record.datum)),
            headers: headers
                .map(|(name, value)| (name, Some(value.into_bytes())))
                .collect(),
        }
    }

    async fn send(
        &self,
        records: Vec<Result<RawRecord, PublishError>>,
        keys: &[&str],
    ) -> Vec<Result<(), PublishError>> {
        // Without one that can be sent, the broker is not asked and the breaker learns nothing.
        if records.iter().all(Result::is_err) {
            return records.into_iter().map(|record| record.map(drop)).collect();
        }
        let admission = self.0.breaker.admit();
        metrics::PRODUCER_BREAKER.set(self.state().gauge());
        if admission == Admission::Refused {
            let away = self.0.trouble.explain("the broker is away (breaker open)");
            let refused = PublishError::Unavailable(away);
            return records.iter().map(|_| Err(refused.clone())).collect();
        }
        let topics: Vec<Option<String>> = records
            .iter()
            .map(|record| record.as_ref().ok().map(|record| record.topic.clone()))
            .collect();
        let (mut results, blame_is_shared) = self.attempt(&records, keys).await;
        if blame_is_shared {
            self.one_by_one(&records, keys, &mut results).await;
        }
        metrics::published(&topics, &results);
        results
    }

    /// Kafka refuses a whole batch for one record that is too large. Sends what failed again, each record
    /// for itself, to learn which it is.
    async fn one_by_one(
        &self,
        records: &[Result<RawRecord, PublishError>],
        keys: &[&str],
        results: &mut [Result<(), PublishError>],
    ) {
        let mut blocked: HashSet<&str> = HashSet::new();
        let mut away = None;
        for (index, key) in keys.iter().enumerate() {
            if results[index].is_ok() {
                continue;
            }
            results[index] = match (&records[index], &away) {
                _ if blocked.contains(key) => Err(PublishError::AfterFailed),
                (Err(error), _) => Err(error.clone()),
                (Ok(_), Some(error)) => Err(PublishError::clone(error)),
                (Ok(_), None) => {
                    let alone = std::slice::from_ref(&records[index]);
                    self.attempt(alone, &[key]).await.0.remove(0)
                }
            };
            if let Err(error) = &results[index] {
                blocked.insert(key);
                if matches!(error, PublishError::Unavailable(_)) && records[index].is_ok() {
                    away = Some(error.clone());
                }
            }
        }
    }

    /// Sends what can be sent; the results, and whether one record's fault may have failed others.
    async fn attempt(
        &self,
        records: &[Result<RawRecord, PublishError>],
        keys: &[&str],
    ) -> (Vec<Result<(), PublishError>>, bool) {
        let link = match self.link() {
            Ok(link) => link,
            Err(error) => {
                self.0.breaker.failed();
                let error = PublishError::Unavailable(error.to_string());
                return (vec![Err(error); records.len()], false);
            }
        };
        let deadline = Instant::now() + self.0.deadline;
        let batch = Arc::new(Batch::new(records.len()));
        let mut results: Vec<Result<(), PublishError>> = vec![Ok(()); records.len()];
        let enqueue = enqueue_all(&link, &batch, records, keys, &mut results);
        let in_time = tokio::time::timeout_at(deadline, async {
            enqueue.await;
            batch.all_reported().await;
        });
        let in_time = tokio::select! {
            in_time = in_time => in_time.is_ok(),
            () = link.gave_up() => false,
        };
        if !in_time || link.is_fatal() {
            self.retire(&link).await;
            // The purge reports every record that was enqueued.
            let _ = tokio::time::timeout(Duration::from_secs(2), batch.all_reported()).await;
        }
        let outcomes = batch.take();
        let blame_is_shared = records.len() > 1 && outcomes.iter().flatten().any(is_too_large);
        let late = self.0.trouble.explain("not acknowledged in time");
        let broker_answered = judge(&mut results, outcomes, keys, &late);
        if broker_answered {
            self.0.trouble.clear();
            self.0.breaker.succeeded();
        } else {
            self.0.breaker.failed();
        }
        metrics::PRODUCER_BREAKER.set(self.state().gauge());
        (results, blame_is_shared)
    }

    /// The link of now, born anew if the last one died.
    fn link(&self) -> Result<Arc<Link>, BusError> {
        let mut current = self.0.link.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = &*current {
            return Ok(Arc::clone(link));
        }
        let link = Arc::new(Link::open(&self.0.config, &self.0.trouble)?);
        *current = Some(Arc::clone(&link));
        Ok(link)
    }

    /// Tears `link` down; the next call makes another.
    async fn retire(&self, link: &Arc<Link>) {
        {
            let mut current = self.0.link.lock().unwrap_or_else(PoisonError::into_inner);
            if current
                .as_ref()
                .is_some_and(|current| Arc::ptr_eq(current, link))
            {
                *current = None;
                metrics::PRODUCER_REBUILDS.inc();
                tracing::warn!("producer makes no progress or failed for good; rebuilding it");
            }
        }
        let link = Arc::clone(link);
        let _ = tokio::task::spawn_blocking(move || link.tear_down()).await;
    }
}

/// Enqueues in order; after a record that is not taken, none of its key.
async fn enqueue_all(
    link: &Link,
    batch: &Arc<Batch>,
    records: &[Result<RawRecord, PublishError>],
    keys: &[&str],
    results: &mut [Result<(), PublishError>],
) {
    // What is not reached before the deadline counts as failed.
    for result in results.iter_mut() {
        *result = Err(PublishError::Unavailable(
            "no room in the queue in time".to_owned(),
        ));
    }
    let _sealed = Seal(batch);
    let mut blocked: HashSet<&str> = HashSet::new();
    for (index, record) in records.iter().enumerate() {
        let key = keys[index];
        if blocked.contains(key) {
            results[index] = Err(PublishError::AfterFailed);
            continue;
        }
        results[index] = match record {
            Err(error) => Err(error.clone()),
            Ok(record) => enqueue(link, batch, record, index).await,
        };
        if results[index].is_err() {
            blocked.insert(key);
        }
    }
}

/// Seals the batch when enqueuing ends, be it by the deadline.
struct Seal<'a>(&'a Batch);

impl Drop for Seal<'_> {
    fn drop(&mut self) {
        self.0.sealed();
    }
}

/// Hands one record over, waiting while the queue is full: everything behind it waits too.
async fn enqueue(
    link: &Link,
    batch: &Arc<Batch>,
    record: &RawRecord,
    index: usize,
) -> Result<(), PublishError> {
    loop {
        match link.enqueue(record, batch, index) {
            Enqueued::Taken => return Ok(()),
            Enqueued::QueueFull => tokio::time::sleep(QUEUE_PAUSE).await,
            Enqueued::Failed(error) => return Err(PublishError::of_kafka(&error)),
            Enqueued::Dead => {
                return Err(PublishError::Unavailable(
                    "the producer was rebuilt".to_owned(),
                ));
            }
        }
    }
}

/// Joins what enqueuing and the broker said; whether the broker can be said to work.
fn judge(
    results: &mut [Result<(), PublishError>],
    outcomes: Vec<Option<Outcome>>,
    keys: &[&str],
    late: &str,
) -> bool {
    let (mut acknowledged, mut unavailable) = (false, false);
    let mut failed: HashSet<&str> = HashSet::new();
    for ((result, outcome), &key) in results.iter_mut().zip(outcomes).zip(keys) {
        match outcome {
            Some(Ok(())) => acknowledged = true,
            // What was purged says nothing of why.
            Some(Err(error)) if is_purged(&error) => {
                *result = Err(PublishError::Unavailable(late.to_owned()));
            }
            Some(Err(error)) => *result = Err(PublishError::of_kafka(&error)),
            None if result.is_ok() => {
                *result = Err(PublishError::Unavailable(late.to_owned()));
            }
            None => {}
        }
        if result.is_ok() && failed.contains(key) {
            *result = Err(PublishError::AfterFailed);
        }
        if let Err(error) = result {
            unavailable |= matches!(error, PublishError::Unavailable(_));
            failed.insert(key);
        }
    }
    acknowledged || !unavailable
}

fn is_purged(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    matches!(
        code,
        Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight)
    )
}

fn is_too_large(outcome: &Outcome) -> bool {
    let code = outcome
        .as_ref()
        .err()
        .and_then(KafkaError::rdkafka_error_code);
    code == Some(RDKafkaErrorCode::MessageSizeTooLarge)
}

#[allow(clippy::needless_pass_by_value)] // the shape `map_err` wants
fn of_registry(error: RegistryError) -> PublishError {
    match error {
        RegistryError::Unavailable(_) => PublishError::Unavailable(error.to_string()),
        RegistryError::Refused(_) | RegistryError::UnknownId(_) => {
            PublishError::Refused(error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: RDKafkaErrorCode) -> Outcome {
        Err(KafkaError::MessageProduction(code))
    }

    #[test]
    fn after_a_failed_record_none_of_its_key_counts_as_published() {
        let keys = ["a", "b", "a", "b", "a"];
        let outcomes = vec![
            Some(Ok(())),
            Some(failed(RDKafkaErrorCode::PurgeQueue)),
            Some(Ok(())),
            Some(Ok(())),
            None,
        ];
        let mut results = vec![Ok(()); 5];

        assert!(judge(&mut results, outcomes, &keys, "late"));

        assert!(results[0].is_ok() && results[2].is_ok());
        assert!(matches!(results[1], Err(PublishError::Unavailable(_))));
        assert!(matches!(results[3], Err(PublishError::AfterFailed)));
        assert!(matches!(results[4], Err(PublishError::Unavailable(_))));
    }

    #[test]
    fn one_too_large_is_refused_and_says_nothing_of_the_broker() {
        let mut results = vec![Ok(())];
        let outcomes = vec![Some(failed(RDKafkaErrorCode::MessageSizeTooLarge))];
        assert!(judge(&mut results, outcomes, &["a"], "late"));
        assert!(!results[0].as_ref().unwrap_err().is_retryable());
    }
}
