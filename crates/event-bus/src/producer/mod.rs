//! Publishing: in order for each key, acknowledged by all replicas, never waiting on a broker that is away.

mod batch;
mod bisect;
mod breaker;
mod delivery_report;
mod error;
mod options;
mod published;
mod record;
mod sending;
mod session;
mod span;
mod stored;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use rdkafka::ClientConfig;
use tracing::Instrument;

use crate::{
    BusError, BusSettings, Event, EventParts, OutboundRecord, RawRecord, Registry, SchemaSource,
    metrics,
    producer::{
        breaker::Breaker,
        delivery_report::Verdict,
        record::{Chosen, Outgoing},
        sending::SchemaId,
        session::Link,
    },
    security::Trouble,
};

pub use crate::producer::{
    breaker::BreakerState,
    error::PublishError,
    options::SendOptions,
    published::Published,
    stored::{InvalidStoredEvent, StoredEvent},
};

/// How long a batch may wait for its acknowledgements.
const DEADLINE: Duration = Duration::from_secs(10);
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
        crate::producer::session::configure(&mut config);
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

    /// Publishes one event now, without an outbox: when it returns `Ok`, the event is in the log at that place.
    pub async fn publish<E: Event>(
        &self,
        parts: EventParts,
        event: &E,
    ) -> Result<Published, PublishError> {
        self.publish_with(parts, event, &SendOptions::default())
            .await
    }

    /// As [`Producer::publish`], with headers, a key or a partition of the caller's choice.
    pub async fn publish_with<E: Event>(
        &self,
        parts: EventParts,
        event: &E,
        options: &SendOptions,
    ) -> Result<Published, PublishError> {
        let mut record = OutboundRecord::of(parts, event)?;
        options.apply(&mut record)?;
        let subject = self.subject(&record.topic, E::schema());
        let id = self.0.registry.id(&subject, E::schema()).await;
        let span = span::of_one(&record);
        let ids = [id.map_err(PublishError::from)];
        let record = [Chosen { record, options }];
        let sent = self.send(&record, &ids).instrument(span.clone()).await;
        let result = single(sent);
        span::ended(&span, &result);
        result
    }

    /// Publishes events of one type in order and waits for all acknowledgements: a result for each, as
    /// [`Producer::publish_batch`] gives it. At one that cannot be encoded the batch ends: what comes after it counts
    /// as [`PublishError::AfterFailed`].
    pub async fn publish_all<'a, E: Event>(
        &self,
        events: impl IntoIterator<Item = (EventParts, &'a E)>,
    ) -> Vec<Result<Published, PublishError>> {
        let mut events = events.into_iter();
        let (mut records, mut bad) = (Vec::new(), None);
        for (parts, event) in events.by_ref() {
            match OutboundRecord::of(parts, event) {
                Ok(record) => records.push(record),
                Err(error) => {
                    bad = Some(PublishError::from(error));
                    break;
                }
            }
        }
        let mut results = self.publish_batch(&records).await;
        results.extend(bad.map(Err));
        results.extend(events.map(|_| Err(PublishError::AfterFailed)));
        results
    }

    /// Publishes records in order and waits for all acknowledgements: a result for each record.
    ///
    /// Records of one key (within a topic) succeed as a prefix: after a failed one no later is reported as
    /// published, so the caller keeps what failed and sends it again in the same order.
    pub async fn publish_batch(
        &self,
        records: &[OutboundRecord],
    ) -> Vec<Result<Published, PublishError>> {
        let wanted = records.iter().map(|record| {
            let envelope = &record.envelope;
            (
                record.topic.as_str(),
                envelope.event_type.as_str(),
                envelope.data_version,
            )
        });
        let ids = self.schema_ids(wanted).await;
        self.send_batch(records, &ids).await
    }

    /// As [`Producer::publish_batch`], of events as an outbox keeps them.
    pub async fn publish_stored(
        &self,
        records: &[StoredEvent],
    ) -> Vec<Result<Published, PublishError>> {
        let wanted = records
            .iter()
            .map(|record| (record.topic(), record.event_type(), record.data_version()));
        let ids = self.schema_ids(wanted).await;
        self.send_batch(records, &ids).await
    }

    /// Puts bytes on a topic: for dead letters, replays and tools.
    pub async fn publish_raw(&self, record: RawRecord) -> Result<Published, PublishError> {
        single(self.publish_raw_batch(&[record]).await)
    }

    /// Puts records on their topics in order and waits for all acknowledgements: a result for each. As in
    /// [`Producer::publish_batch`], records of one key succeed as a prefix.
    pub async fn publish_raw_batch(
        &self,
        records: &[RawRecord],
    ) -> Vec<Result<Published, PublishError>> {
        self.send_batch(records, &vec![Ok(0); records.len()]).await
    }

    /// What the circuit breaker does with the next call.
    pub fn state(&self) -> BreakerState {
        let state = self.0.breaker.state();
        metrics::PRODUCER_BREAKER.set(state.gauge());
        state
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

    fn subject(&self, topic: &str, schema: &crate::AvroSchema) -> String {
        let settings = &self.0.settings;
        settings
            .subject_naming
            .subject(&settings.prefixed(topic), schema)
    }

    /// The registry's id for each record of a batch, asked for once for all records of one kind.
    async fn schema_ids<'a>(
        &self,
        wanted: impl ExactSizeIterator<Item = Kind<'a>>,
    ) -> Vec<SchemaId> {
        let mut known: HashMap<Kind<'a>, SchemaId> = HashMap::new();
        let mut ids: Vec<SchemaId> = Vec::with_capacity(wanted.len());
        let mut last: Option<Kind<'a>> = None;
        for kind in wanted {
            // Mostly one is as the one before it.
            if last == Some(kind)
                && let Some(id) = ids.last()
            {
                ids.push(id.clone());
                continue;
            }
            let id = match known.get(&kind) {
                Some(id) => id.clone(),
                None => self.schema_id(kind).await,
            };
            known.insert(kind, id.clone());
            last = Some(kind);
            ids.push(id);
        }
        ids
    }

    async fn schema_id(&self, (topic, ty, version): Kind<'_>) -> SchemaId {
        let Some(schema) = self.0.schemas.schema(ty, version) else {
            let unknown = format!("no schema is known for {ty} at version {version}");
            return Err(PublishError::Schema(unknown));
        };
        let subject = self.subject(topic, schema);
        Ok(self.0.registry.id(&subject, schema).await?)
    }

    async fn send_batch<R: Outgoing>(&self, records: &[R], ids: &[SchemaId]) -> Vec<Verdict> {
        let Some(first) = records.first() else {
            return Vec::new();
        };
        let span = span::of_batch(first.topic(), records.len());
        self.send(records, ids).instrument(span).await
    }
}

/// What shares a schema id: topic without prefix, type and version.
type Kind<'a> = (&'a str, &'a str, u32);

fn single(mut results: Vec<Verdict>) -> Verdict {
    results.pop().unwrap_or_else(|| {
        Err(PublishError::Unavailable(
            "the record was not sent".to_owned(),
        ))
    })
}
