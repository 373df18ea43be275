//! What every test begins with: a broker, a registry, and names of its own.

use std::{
    env,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use event_bus::{
    AvroSchema, BusSettings, Consumer, ConsumerBuilder, ConsumerHandle, Event, EventParts,
    EventSchemas, Failure, Handler, OutboundRecord, Producer, Received, Router, Scope, TenantRef,
    admin::{Admin, Lag, TopicSpec},
};
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    message::{Headers, OwnedMessage},
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::said;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placed {
    pub number: i64,
}

impl Event for Placed {
    const TYPE: &'static str = "order.placed";
    const TOPIC: &'static str = "order.events";
    const AGGREGATE: &'static str = "order";
    const SCOPE: Scope = Scope::Tenant;
    const VERSION: u32 = 1;

    fn schema() -> &'static AvroSchema {
        static SCHEMA: LazyLock<AvroSchema> = LazyLock::new(|| {
            AvroSchema::parse(r#"{"type":"record","name":"Placed","namespace":"it","fields":[{"name":"number","type":"long"}]}"#)
                .expect("valid")
        });
        &SCHEMA
    }
}

/// A running consumer; what it handled is in `seen` of the test.
pub struct Running {
    pub control: ConsumerHandle,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Waits until it ends by itself.
    pub async fn ends(self) {
        self.task.await.expect("the consumer ends in peace");
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("the consumer ends in peace");
    }

    /// Ends without a farewell, as near to a crash as one process allows.
    pub fn abandon(self) {
        self.task.abort();
    }
}

/// Names of one test on the shared broker.
pub struct World {
    pub settings: BusSettings,
    pub admin: Admin,
}

impl World {
    /// A topic `order.events` with that many partitions, and its dead-letter topic.
    pub async fn with_partitions(partitions: i32) -> Self {
        let world = Self::without_topics();
        let topics = [TopicSpec::new(Placed::TOPIC, partitions)];
        world
            .admin
            .create_topics(&topics)
            .await
            .expect("topics can be made");
        world
    }

    pub fn without_topics() -> Self {
        let setting = |name| {
            env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run through `make test`"))
        };
        let mut settings =
            BusSettings::new(setting("TENANTRY_KAFKA"), setting("TENANTRY_REGISTRY"));
        settings.topic_prefix = format!("it{}.", Uuid::now_v7().simple());
        Self::of(settings)
    }

    /// The world behind these settings, which may be of a broker of its own.
    pub fn of(settings: BusSettings) -> Self {
        said::listen();
        let admin = Admin::new(&settings, Duration::from_secs(10));
        Self { settings, admin }
    }

    pub fn producer(&self) -> Producer {
        Producer::new(&self.settings, EventSchemas::new().with::<Placed>()).expect("a producer")
    }

    pub fn consumer(&self, group: &str) -> ConsumerBuilder {
        let quick = [20, 40, 80].map(Duration::from_millis);
        Consumer::builder(&self.settings, group)
            .topics([Placed::TOPIC])
            .retry(quick)
    }

    /// Publishes a tenant's events about `subject`, numbered.
    pub async fn publish(
        &self,
        tenant: &TenantRef,
        subject: impl ToString,
        numbers: impl IntoIterator<Item = i64>,
    ) {
        let subject = subject.to_string();
        let event = |number| OutboundRecord::of(parts(tenant, &subject), &Placed { number });
        let records: Vec<OutboundRecord> = numbers
            .into_iter()
            .map(|number| event(number).expect("a good event"))
            .collect();
        for result in self.producer().publish_batch(&records).await {
            result.expect("published");
        }
    }

    /// Everything on a topic, read to its end without a group.
    pub async fn log(&self, topic: &str) -> Vec<OwnedMessage> {
        let name = self.settings.prefixed(topic);
        let topic = self
            .admin
            .describe(topic)
            .await
            .expect("metadata")
            .expect("the topic is there");
        let marks = self.admin.watermarks(&topic).await.expect("offsets");
        let bootstrap = self.settings.bootstrap.clone();
        let read = move || {
            let consumer: BaseConsumer = rdkafka::ClientConfig::new()
                .set("bootstrap.servers", bootstrap)
                .set("group.id", "nobody")
                .create()
                .expect("a reader");
            let mut list = TopicPartitionList::new();
            for (partition, ..) in &marks {
                list.add_partition_offset(&name, *partition, Offset::Beginning)
                    .expect("an offset");
            }
            consumer.assign(&list).expect("assigned");
            let records: i64 = marks.iter().map(|(_, low, high)| high - low).sum();
            let records = usize::try_from(records).expect("not negative");
            let deadline = Instant::now() + Duration::from_secs(20);
            let mut log = Vec::new();
            while log.len() < records && Instant::now() < deadline {
                if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                    log.push(message.detach());
                }
            }
            log
        };
        tokio::task::spawn_blocking(read).await.expect("read")
    }

    pub async fn dead_letters(&self) -> Vec<OwnedMessage> {
        self.log("order.events.dlq").await
    }

    /// How far the group is, summed over partitions: (committed, end).
    pub async fn committed(&self, group: &str) -> i64 {
        let lags = self.admin.lag(group).await.expect("lag");
        lags.iter().map(|lag: &Lag| lag.committed).sum()
    }
}

pub fn run(consumer: ConsumerBuilder, handler: impl Handler) -> Running {
    start(consumer.handler(handler))
}

pub fn start(consumer: ConsumerBuilder) -> Running {
    let consumer = consumer.build().expect("a consumer");
    let control = consumer.handle();
    let stop = CancellationToken::new();
    let task = tokio::spawn({
        let stop = stop.clone();
        async move { consumer.run(stop).await.expect("the consumer runs") }
    });
    Running {
        control,
        stop,
        task,
    }
}

pub fn tenant() -> TenantRef {
    TenantRef {
        id: Uuid::now_v7(),
        region: "eu".to_owned(),
    }
}

pub fn parts(tenant: &TenantRef, subject: impl ToString) -> EventParts {
    EventParts::new("/it", subject).tenant(tenant.clone())
}

pub fn header<'a>(message: &'a OwnedMessage, name: &str) -> &'a str {
    let headers = message.headers().expect("headers");
    let header = headers.iter().find(|header| header.key == name);
    let value = header
        .unwrap_or_else(|| panic!("header {name}"))
        .value
        .expect("a value");
    std::str::from_utf8(value).expect("text")
}

/// What a handler has seen, in order.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<Vec<(String, i64)>>>);

impl Seen {
    pub fn note(&self, event: &Received<Placed>) {
        self.0
            .lock()
            .unwrap()
            .push((event.envelope.subject.clone(), event.data.number));
    }

    pub fn all(&self) -> Vec<(String, i64)> {
        self.0.lock().unwrap().clone()
    }

    pub fn numbers_of(&self, subject: &str) -> Vec<i64> {
        let seen = self.all();
        seen.into_iter()
            .filter(|(of, _)| of == subject)
            .map(|(_, number)| number)
            .collect()
    }

    /// Waits until that many were seen.
    pub async fn reaches(&self, count: usize) {
        eventually(|| async { self.all().len() >= count }).await;
    }

    /// A handler that notes and succeeds.
    pub fn handler(&self) -> Router {
        let seen = self.clone();
        Router::new().on::<Placed>(move |event: Received<Placed>| {
            seen.note(&event);
            async { Ok::<(), Failure>(()) }
        })
    }
}

/// Waits up to 30 s for something to become true.
pub async fn eventually<F: Future<Output = bool>>(mut check: impl FnMut() -> F) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !check().await {
        assert!(Instant::now() < deadline, "it did not come true in 30 s");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Counts up; for handlers.
#[derive(Clone, Default)]
pub struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub fn next(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}
