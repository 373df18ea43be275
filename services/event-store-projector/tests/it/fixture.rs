//! A world of the test's own, the projector in it, and what people do there.

use std::{process::Stdio, time::Duration};

use event_bus::{
    BusSettings, Event, EventParts, OutboundRecord, Producer, TenantRef,
    admin::{Admin, TopicSpec},
};
use event_store_projector::App;
use events::{
    Money, Timestamp,
    order::{OrderCreated, OrderItem, OrderPaid, OrderPaymentRequested},
};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    message::{BorrowedHeaders, Header, Headers, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use service::Running;
use sqlx::PgPool;
use testkit::{Client, TestEnvironment, TestTenant, eventually_within};
use time::OffsetDateTime;
use tokio::process::{Child, Command};
use uuid::Uuid;

/// The service as databases and variables call it.
const SERVICE: &str = "event_store";
/// How long the system may take for what it does by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// A world with a store.
pub struct Fixture {
    pub world: TestEnvironment,
    pub database: PgPool,
}

/// A dead letter.
#[derive(Debug)]
pub struct DeadLetter {
    pub payload: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl DeadLetter {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }
}

impl Fixture {
    pub async fn build() -> Self {
        let world = TestEnvironment::new(&[SERVICE]).await;
        let database = world.platform_pool(SERVICE).await;
        Self { world, database }
    }

    /// Starts a projector in this process.
    pub async fn start(&self) -> Running {
        self.start_with(&[]).await
    }

    /// The same with some variables changed.
    pub async fn start_with(&self, changed: &[(&str, &str)]) -> Running {
        App::start(self.world.settings_with(SERVICE, changed))
            .await
            .unwrap()
    }

    /// Starts a projector as a process of its own, to be killed.
    pub fn start_process(&self) -> Child {
        Command::new(env!("CARGO_BIN_EXE_event-store-projector"))
            .env_clear()
            .envs(self.world.variables(SERVICE))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    /// A client of `app` that has no token yet.
    pub fn stranger(app: &Running) -> Client {
        Client::new(format!("http://{}", app.address()), None)
    }

    pub fn landlord(&self, app: &Running) -> Client {
        Self::stranger(app).with_token(self.world.identity().platform_admin().1)
    }

    pub async fn tenant(&self) -> TestTenant {
        self.world.tenant(&[]).await
    }

    /// Publishes an event that made `subject` its `version`.
    pub async fn publish<E: Event>(
        &self,
        tenant: &TestTenant,
        subject: Uuid,
        version: u64,
        event: &E,
    ) -> EventParts {
        let parts = parts(tenant.tenant.id.0, subject, version);
        self.world.publish_parts(parts.clone(), event).await;
        parts
    }

    /// Publishes orders of ten tenants, one event each.
    pub async fn publish_orders(bus: &BusSettings, count: usize) {
        let producer = Producer::new(bus, events::Catalogue).unwrap();
        let tenants: Vec<_> = (0..10).map(|_| Uuid::now_v7()).collect();
        let mut records = Vec::with_capacity(count);
        for tenant in tenants.into_iter().cycle().take(count) {
            let order = Uuid::now_v7();
            let event = order_created("some-tenant", order, Uuid::now_v7());
            records.push(OutboundRecord::of(parts(tenant, order, 1), &event).unwrap());
        }
        for result in producer.publish_batch(&records).await {
            result.unwrap();
        }
    }

    /// Puts bytes on a topic that nobody published.
    pub async fn publish_raw(
        &self,
        topic: &str,
        key: &str,
        headers: &[(&str, &str)],
        payload: &[u8],
    ) {
        let bus = self.world.bus();
        let producer: FutureProducer = ClientConfig::new()
            .set("bootstrap.servers", &bus.bootstrap)
            .create()
            .unwrap();
        let topic = bus.prefixed(topic);
        let headers = headers
            .iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| {
                headers.insert(Header {
                    key,
                    value: Some(*value),
                })
            });
        let record = FutureRecord::to(&topic)
            .key(key)
            .payload(payload)
            .headers(headers);
        producer.send(record, PATIENCE).await.unwrap();
    }

    /// Makes the product's topics in a world of another prefix.
    pub async fn create_topics(bus: &BusSettings) {
        let topics: Vec<_> = events::topics()
            .into_iter()
            .map(|topic| TopicSpec::new(topic, 3))
            .collect();
        Admin::new(bus, PATIENCE)
            .create_topics(&topics)
            .await
            .unwrap();
    }

    /// How many events are in the store.
    pub async fn stored(&self) -> i64 {
        let count = "SELECT count(*) FROM event_store";
        // Before the first start there is no table.
        sqlx::query_scalar(count)
            .fetch_one(&self.database)
            .await
            .unwrap_or(0)
    }

    pub async fn wait_for(&self, events: i64) {
        eventually_within(
            PATIENCE,
            &format!("{events} events in the store"),
            || async { (self.stored().await >= events).then_some(()) },
        )
        .await;
        assert_eq!(self.stored().await, events);
    }

    /// The offsets in the store, summed over all partitions.
    pub async fn offsets(&self) -> i64 {
        sqlx::query_scalar("SELECT coalesce(sum(next_offset), 0)::bigint FROM projection_offset")
            .fetch_one(&self.database)
            .await
            .unwrap()
    }

    /// The dead letters of a topic.
    pub async fn dead_letters(&self, topic: &str) -> Vec<DeadLetter> {
        let bus = self.world.bus();
        let topic = bus.prefixed(&format!("{topic}.dlq"));
        let read = move || {
            let consumer: BaseConsumer = ClientConfig::new()
                .set("bootstrap.servers", &bus.bootstrap)
                .set("group.id", "nobody")
                .set("enable.auto.commit", "false")
                .create()
                .unwrap();
            let mut list = TopicPartitionList::new();
            let mut left = 0;
            for partition in 0..3 {
                let (low, high) = consumer
                    .fetch_watermarks(&topic, partition, PATIENCE)
                    .unwrap();
                left += high - low;
                list.add_partition_offset(&topic, partition, Offset::Beginning)
                    .unwrap();
            }
            consumer.assign(&list).unwrap();
            let mut letters = Vec::new();
            while left > 0 {
                let Some(message) = consumer.poll(PATIENCE) else {
                    break;
                };
                let Ok(message) = message else { continue };
                left -= 1;
                letters.push(DeadLetter {
                    payload: message.payload().unwrap_or_default().to_vec(),
                    headers: message.headers().map(texts).unwrap_or_default(),
                });
            }
            letters
        };
        tokio::task::spawn_blocking(read).await.unwrap()
    }
}

fn texts(headers: &BorrowedHeaders) -> Vec<(String, String)> {
    let text =
        |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
    headers
        .iter()
        .map(|header| (header.key.to_owned(), text(header.value)))
        .collect()
}

fn parts(tenant: Uuid, subject: Uuid, version: u64) -> EventParts {
    let tenant = TenantRef {
        id: tenant,
        region: "eu".to_owned(),
    };
    EventParts::new("/tenantry/order", subject)
        .tenant(tenant)
        .sequence(version)
}

fn eur(amount: i64) -> Money {
    Money {
        amount,
        currency: "EUR".to_owned(),
    }
}

pub fn order_created(tenant_code: &str, order: Uuid, buyer: Uuid) -> OrderCreated {
    OrderCreated {
        order_id: order,
        tenant_code: tenant_code.to_owned(),
        buyer_id: buyer,
        buyer_email: "ann@example.org".to_owned(),
        items: vec![OrderItem {
            product_id: Uuid::from_u128(4),
            name: "Anvil".to_owned(),
            quantity: 2,
            unit_price: eur(1999),
            total: eur(3998),
        }],
        total: eur(3998),
        created_at: Timestamp::from(
            OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_763_689_692),
        ),
        expires_at: Timestamp::now(),
    }
}

pub fn payment_requested(tenant_code: &str, order: Uuid, buyer: Uuid) -> OrderPaymentRequested {
    OrderPaymentRequested {
        order_id: order,
        tenant_code: tenant_code.to_owned(),
        buyer_id: buyer,
        buyer_email: "ann@example.org".to_owned(),
        payment_id: Uuid::from_u128(5),
        payment_link: "http://pay/5".to_owned(),
        gateway: "test".to_owned(),
        total: eur(3998),
    }
}

pub fn order_paid(tenant_code: &str, order: Uuid, buyer: Uuid) -> OrderPaid {
    OrderPaid {
        order_id: order,
        tenant_code: tenant_code.to_owned(),
        buyer_id: buyer,
        buyer_email: "ann@example.org".to_owned(),
        payment_id: Uuid::from_u128(5),
        total: eur(3998),
    }
}
