//! A system of one's own: database, topics, tokens, a running projector. Only this file knows addresses.

use std::{panic::AssertUnwindSafe, process::Stdio, time::Duration};

use auth::{Caller, CallerTenant, Issuer, UserId};
use event_bus::{
    BusSettings, Event, EventParts, Producer, TenantRef,
    admin::{Admin, TopicSpec},
};
use event_store_projector::App;
use events::{
    Money, Timestamp,
    order::{OrderCreated, OrderItem, OrderPaid, OrderPaymentRequested},
};
use futures::FutureExt;
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    message::{Header, Headers, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use serde_json::{Value, json};
use service::{Running, Settings};
use sqlx::{Connection, PgConnection, PgPool};
use time::OffsetDateTime;
use tokio::process::{Child, Command};
use uuid::Uuid;

/// How long the system may take for what it does by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// A system of one's own.
pub struct World {
    pub bus: BusSettings,
    pub producer: Producer,
    pub database: PgPool,
    database_url: String,
    issuer: Issuer,
    http: reqwest::Client,
}

/// A tenant, as far as the event store knows tenants.
#[derive(Clone, Debug)]
pub struct Tenant {
    pub id: Uuid,
    pub code: String,
}

/// A dead letter.
#[derive(Debug)]
pub struct DeadLetter {
    pub payload: Vec<u8>,
    pub headers: Vec<(String, String)>,
}

impl DeadLetter {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }
}

fn environment(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set (make test sets it)"))
}

/// Runs a test in a system of its own, and cleans up behind it.
pub async fn with_world(test: impl AsyncFnOnce(&World)) {
    let admin_url = environment("TENANTRY_POSTGRES_ADMIN");
    let name = format!("projector_test_{}", Uuid::now_v7().simple());
    let mut admin = PgConnection::connect(&admin_url).await.unwrap();
    ddl(&mut admin, &format!("CREATE DATABASE {name}")).await;
    let (server, _) = admin_url.rsplit_once('/').unwrap();
    let database_url = format!("{server}/{name}");

    let mut bus = BusSettings::new(
        environment("TENANTRY_KAFKA"),
        environment("TENANTRY_REGISTRY"),
    );
    bus.topic_prefix = format!("{name}.");
    let world = World {
        producer: Producer::new(&bus, events::Catalogue).unwrap(),
        database: PgPool::connect(&database_url).await.unwrap(),
        database_url,
        issuer: Issuer::from_pem(&auth::generate_key_pem()).unwrap(),
        http: reqwest::Client::new(),
        bus,
    };

    let outcome = AssertUnwindSafe(test(&world)).catch_unwind().await;

    world.database.close().await;
    ddl(&mut admin, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    let topics: Vec<_> = events::topics()
        .into_iter()
        .flat_map(|topic| [topic.to_owned(), format!("{topic}.dlq")])
        .collect();
    let topics: Vec<_> = topics.iter().map(String::as_str).collect();
    let _gone_already = world.kafka_admin().delete_topics(&topics).await;
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

async fn ddl(admin: &mut PgConnection, statement: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(admin)
        .await
        .unwrap();
}

/// Waits until the question is answered.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "waited in vain for: {what}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

impl World {
    fn kafka_admin(&self) -> Admin {
        Admin::new(&self.bus, Duration::from_secs(10))
    }

    pub async fn create_topics(&self) {
        let topics: Vec<_> = events::topics()
            .into_iter()
            .map(|topic| TopicSpec::new(topic, 3))
            .collect();
        self.kafka_admin().create_topics(&topics).await.unwrap();
    }

    /// Starts a projector in this process.
    pub async fn start(&self) -> Running {
        self.start_with_registry(&self.bus.registry_url).await
    }

    pub async fn start_with_registry(&self, registry: &str) -> Running {
        let settings: Settings = serde_json::from_value(json!({
            "bind": "127.0.0.1:0",
            "database": self.database_url,
            "kafka": self.bus.bootstrap,
            "registry": registry,
            "topic_prefix": self.bus.topic_prefix,
            "jwks_url": "http://127.0.0.1:1/jwks.json",
            "user_url": "http://127.0.0.1:1",
            "tenant_url": "http://127.0.0.1:1",
            "service_secret": "none",
            "public_url": "http://127.0.0.1:1",
        }))
        .unwrap();
        App::start(settings, Some(self.issuer.verifier()))
            .await
            .unwrap()
    }

    /// Starts a projector as a process of its own, to be killed.
    pub fn start_process(&self) -> Child {
        Command::new(env!("CARGO_BIN_EXE_event-store-projector"))
            .env_clear()
            .env("TENANTRY_BIND", "127.0.0.1:0")
            .env("TENANTRY_DATABASE", &self.database_url)
            .env("TENANTRY_KAFKA", &self.bus.bootstrap)
            .env("TENANTRY_REGISTRY", &self.bus.registry_url)
            .env("TENANTRY_TOPIC_PREFIX", &self.bus.topic_prefix)
            .env("TENANTRY_JWKS_URL", "http://127.0.0.1:1/jwks.json")
            .env("TENANTRY_USER_URL", "http://127.0.0.1:1")
            .env("TENANTRY_TENANT_URL", "http://127.0.0.1:1")
            .env("TENANTRY_SERVICE_SECRET", "none")
            .env("TENANTRY_PUBLIC_URL", "http://127.0.0.1:1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    pub fn tenant(&self, code: &str) -> Tenant {
        Tenant {
            id: Uuid::now_v7(),
            code: code.to_owned(),
        }
    }

    /// Publishes an event that made `subject` its `version`.
    pub async fn publish<E: Event>(
        &self,
        tenant: &Tenant,
        subject: Uuid,
        version: u64,
        event: &E,
    ) -> EventParts {
        let parts = parts(tenant, subject, version);
        self.producer.publish(parts.clone(), event).await.unwrap();
        parts
    }

    /// Puts bytes on a topic that nobody published.
    pub async fn publish_raw(
        &self,
        topic: &str,
        key: &str,
        headers: &[(&str, &str)],
        payload: &[u8],
    ) {
        let producer: FutureProducer = ClientConfig::new()
            .set("bootstrap.servers", &self.bus.bootstrap)
            .create()
            .unwrap();
        let topic = self.bus.prefixed(topic);
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

    pub async fn stored(&self) -> i64 {
        let count = sqlx::query_scalar("SELECT count(*) FROM event_store")
            .fetch_one(&self.database)
            .await;
        count.unwrap_or(0)
    }

    pub async fn wait_for(&self, events: i64) {
        eventually(&format!("{events} events in the store"), async || {
            (self.stored().await >= events).then_some(())
        })
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
        let topic = self.bus.prefixed(&format!("{topic}.dlq"));
        let bootstrap = self.bus.bootstrap.clone();
        let read = move || {
            let consumer: BaseConsumer = ClientConfig::new()
                .set("bootstrap.servers", &bootstrap)
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

    pub fn landlord(&self) -> Caller {
        Caller::platform_admin(UserId::new(), "landlord@tenantry.localhost")
    }

    pub fn admin_of(&self, tenant: &Tenant) -> Caller {
        let tenant = CallerTenant {
            id: tenant.id,
            code: tenant.code.clone(),
        };
        Caller::admin(UserId::new(), "admin@example.org", tenant)
    }

    pub fn customer(&self, id: Uuid) -> Caller {
        Caller::customer(UserId::from(id), "ann@example.org")
    }

    /// What `caller` is answered: the status and the body.
    pub async fn get(&self, app: &Running, caller: &Caller, path: &str) -> (u16, Value) {
        let token = self.issuer.issue(caller).unwrap().access_token;
        let request = self
            .http
            .get(format!("http://{}{path}", app.address()))
            .bearer_auth(token);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    pub async fn get_without_token(&self, app: &Running, path: &str) -> u16 {
        let request = self.http.get(format!("http://{}{path}", app.address()));
        request.send().await.unwrap().status().as_u16()
    }
}

fn texts(headers: &rdkafka::message::BorrowedHeaders) -> Vec<(String, String)> {
    let text =
        |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
    headers
        .iter()
        .map(|header| (header.key.to_owned(), text(header.value)))
        .collect()
}

pub fn parts(tenant: &Tenant, subject: Uuid, version: u64) -> EventParts {
    let tenant = TenantRef {
        id: tenant.id,
        region: "eu".to_owned(),
    };
    EventParts::new("/tenantry/order", subject)
        .tenant(tenant)
        .sequence(version)
}

pub fn eur(amount: i64) -> Money {
    Money {
        amount,
        currency: "EUR".to_owned(),
    }
}

pub fn order_created(tenant: &Tenant, order: Uuid, buyer: Uuid) -> OrderCreated {
    OrderCreated {
        order_id: order,
        tenant_code: tenant.code.clone(),
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

pub fn payment_requested(tenant: &Tenant, order: Uuid, buyer: Uuid) -> OrderPaymentRequested {
    OrderPaymentRequested {
        order_id: order,
        tenant_code: tenant.code.clone(),
        buyer_id: buyer,
        buyer_email: "ann@example.org".to_owned(),
        payment_id: Uuid::from_u128(5),
        payment_link: "http://pay/5".to_owned(),
        gateway: "test".to_owned(),
        total: eur(3998),
    }
}

pub fn order_paid(tenant: &Tenant, order: Uuid, buyer: Uuid) -> OrderPaid {
    OrderPaid {
        order_id: order,
        tenant_code: tenant.code.clone(),
        buyer_id: buyer,
        buyer_email: "ann@example.org".to_owned(),
        payment_id: Uuid::from_u128(5),
        total: eur(3998),
    }
}
