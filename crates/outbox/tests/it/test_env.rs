//! The environment of a test: a database, a topic, and counters as aggregates.

use std::{
    collections::HashMap,
    env,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use event_bus::{
    AvroSchema, BusSettings, Consumer, Event, EventParts, EventSchemas, Failure, Handler,
    OutboundRecord, Producer, Record, Scope,
    admin::{Admin, TopicSpec},
};
use outbox::{OutboxId, Outboxes, SourceError, Sweep};
use serde::{Deserialize, Serialize};
use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

/// A counter was incremented.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    pub number: i64,
}

impl Event for Counted {
    const TYPE: &'static str = "counter.counted";
    const TOPIC: &'static str = "counter.events";
    const AGGREGATE: &'static str = "counter";
    const SCOPE: Scope = Scope::Platform;
    const VERSION: u32 = 1;

    fn schema() -> &'static AvroSchema {
        static SCHEMA: LazyLock<AvroSchema> = LazyLock::new(|| {
            AvroSchema::parse(r#"{"type":"record","name":"Counted","namespace":"it","fields":[{"name":"number","type":"long"}]}"#)
                .expect("valid")
        });
        &SCHEMA
    }
}

/// The resources of one test on the shared servers.
pub struct TestEnv {
    pub bus: BusSettings,
    pub outboxes: Arc<Schemas>,
    pools: HashMap<String, PgPool>,
    received: Arc<Mutex<Vec<(String, i64, Uuid)>>>,
    stop: CancellationToken,
    _guard: DropGuard,
}

/// Outboxes in the schemas of one database.
pub struct Schemas {
    pools: HashMap<String, PgPool>,
    /// The result of a dirty sweep.
    pub dirty: Mutex<Vec<OutboxId>>,
    /// The result of a full sweep.
    pub all: Mutex<Vec<OutboxId>>,
    pub sweeps: AtomicUsize,
    /// Outboxes whose database is unreachable.
    pub unreachable: Mutex<Vec<OutboxId>>,
    /// Whether sweeps never complete.
    pub sweeps_hang: AtomicBool,
}

#[async_trait]
impl Outboxes for Schemas {
    async fn candidates(&self, sweep: Sweep) -> Result<Vec<OutboxId>, SourceError> {
        self.sweeps.fetch_add(1, Ordering::SeqCst);
        if self.sweeps_hang.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let found = match sweep {
            Sweep::Dirty => &self.dirty,
            Sweep::All => &self.all,
        };
        Ok(found.lock().expect("lock is not poisoned").clone())
    }

    async fn open(&self, outbox: &OutboxId) -> Result<PoolConnection<Postgres>, SourceError> {
        if self
            .unreachable
            .lock()
            .expect("lock is not poisoned")
            .contains(outbox)
        {
            return Err("unreachable".into());
        }
        let pool = self.pools.get(outbox.as_str()).ok_or("no such outbox")?;
        Ok(pool.acquire().await?)
    }

    async fn mark_clean(&self, _outbox: &OutboxId) -> Result<(), SourceError> {
        Ok(())
    }
}

impl TestEnv {
    /// An environment with outboxes of these names.
    pub async fn with(names: &[&str]) -> Self {
        Self::with_relay_options(names, |_, options| options).await
    }

    /// An environment whose relay connects with the options that `relay_options` returns. The test itself connects
    /// directly.
    pub async fn with_relay_options(
        names: &[&str],
        relay_options: impl Fn(&str, PgConnectOptions) -> PgConnectOptions,
    ) -> Self {
        let env = Self::create(names, relay_options).await;
        listen(&env.bus, Arc::clone(&env.received), env.stop.clone());
        env
    }

    async fn create(
        names: &[&str],
        relay_options: impl Fn(&str, PgConnectOptions) -> PgConnectOptions,
    ) -> Self {
        let name = format!("t{}_outbox", &Uuid::new_v4().simple().to_string()[..10]);
        let admin_url = variable("TENANTRY_POSTGRES_ADMIN");
        let mut admin = PgConnection::connect(&admin_url)
            .await
            .expect("PostgreSQL answers");
        run(&mut admin, format!("CREATE DATABASE {name}")).await;
        let base: PgConnectOptions = admin_url.parse().expect("a URL");
        let mut inside = PgConnection::connect_with(&base.clone().database(&name))
            .await
            .expect("the database exists");
        let (mut pools, mut relay_pools) = (HashMap::new(), HashMap::new());
        for schema in names {
            run(&mut inside, format!("CREATE SCHEMA {schema}")).await;
            let options = base
                .clone()
                .database(&name)
                .options([("search_path", *schema)]);
            let lazy = PgPoolOptions::new()
                .max_connections(6)
                .test_before_acquire(false);
            let pool = lazy.clone().connect_lazy_with(options.clone());
            relay_pools.insert(
                (*schema).to_owned(),
                lazy.connect_lazy_with(relay_options(schema, options)),
            );
            pool.execute(outbox::SCHEMA)
                .await
                .expect("the tables are created");
            pool.execute("CREATE TABLE counter (id uuid PRIMARY KEY, number bigint NOT NULL)")
                .await
                .expect("the table is created");
            pools.insert((*schema).to_owned(), pool);
        }

        let mut bus = BusSettings::new(variable("TENANTRY_KAFKA"), variable("TENANTRY_REGISTRY"));
        bus.topic_prefix = format!("{name}_");
        let topics = [TopicSpec::new(Counted::TOPIC, 3)];
        Admin::new(&bus, Duration::from_secs(20))
            .create_topics(&topics)
            .await
            .expect("the topic is created");
        let stop = CancellationToken::new();
        Self {
            bus,
            pools,
            outboxes: Arc::new(Schemas {
                pools: relay_pools,
                dirty: Mutex::default(),
                all: Mutex::default(),
                sweeps: AtomicUsize::new(0),
                unreachable: Mutex::default(),
                sweeps_hang: AtomicBool::new(false),
            }),
            received: Arc::default(),
            _guard: stop.clone().drop_guard(),
            stop,
        }
    }

    pub fn pool(&self, outbox: &str) -> &PgPool {
        &self.pools[outbox]
    }

    /// A new producer, as each replica has one.
    pub fn producer(&self) -> Arc<Producer> {
        let schemas = EventSchemas::new().with::<Counted>();
        Arc::new(Producer::new(&self.bus, schemas).expect("the producer is created"))
    }

    /// The numbers received for a counter, in log order.
    pub fn numbers_of(&self, counter: Uuid) -> Vec<i64> {
        let received = self.received.lock().expect("lock is not poisoned");
        let counter = counter.to_string();
        received
            .iter()
            .filter(|(subject, ..)| *subject == counter)
            .map(|(_, number, _)| *number)
            .collect()
    }

    /// Waits until `count` events were received and returns all.
    pub async fn received(&self, count: usize) -> Vec<(String, i64, Uuid)> {
        eventually(&format!("{count} events"), || async {
            let received = self.received.lock().expect("lock is not poisoned").clone();
            (received.len() >= count).then_some(received)
        })
        .await
    }

    /// Waits until the outbox is empty.
    pub async fn wait_until_drained(&self, outbox: &str) {
        eventually("an empty outbox", || async {
            let mut conn = self
                .pool(outbox)
                .acquire()
                .await
                .expect("PostgreSQL answers");
            (outbox::depth(&mut conn)
                .await
                .expect("the rows are counted")
                == 0)
                .then_some(())
        })
        .await;
    }
}

/// Creates a counter at zero.
pub async fn counter(pool: &PgPool) -> Uuid {
    let id = Uuid::now_v7();
    let made = sqlx::query("INSERT INTO counter (id, number) VALUES ($1, 0)").bind(id);
    made.execute(pool).await.expect("the counter is created");
    id
}

/// Increments the counter and appends the event, within the caller's transaction.
pub async fn increment_in(conn: &mut PgConnection, counter: Uuid) -> i64 {
    let up = "UPDATE counter SET number = number + 1 WHERE id = $1 RETURNING number";
    let number: i64 = sqlx::query_scalar(up)
        .bind(counter)
        .fetch_one(&mut *conn)
        .await
        .expect("the counter exists");
    let parts = EventParts::new("/test", counter).sequence(number.unsigned_abs());
    let record = OutboundRecord::of(parts, &Counted { number }).expect("a valid event");
    outbox::append(conn, &record)
        .await
        .expect("the event is appended");
    number
}

/// Increments the counter and commits.
pub async fn increment(pool: &PgPool, counter: Uuid) {
    let mut tx = pool.begin().await.expect("PostgreSQL answers");
    increment_in(&mut tx, counter).await;
    tx.commit().await.expect("the commit succeeds");
}

struct RecordingHandler(Arc<Mutex<Vec<(String, i64, Uuid)>>>);

#[async_trait]
impl Handler for RecordingHandler {
    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        let number = record.envelope.sequence.cast_signed();
        let received = (record.envelope.subject.clone(), number, record.envelope.id);
        self.0.lock().expect("lock is not poisoned").push(received);
        Ok(())
    }
}

fn listen(
    bus: &BusSettings,
    received: Arc<Mutex<Vec<(String, i64, Uuid)>>>,
    stop: CancellationToken,
) {
    let consumer = Consumer::builder(bus, "recorder")
        .topics([Counted::TOPIC])
        .handler(RecordingHandler(received))
        .build()
        .expect("the consumer is created");
    tokio::spawn(async move {
        consumer
            .run(stop)
            .await
            .expect("the consumer does not fail");
    });
}

/// Polls until `probe` returns a value, for up to 30 seconds.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut probe: impl FnMut() -> F,
) -> T {
    let polling = async {
        loop {
            if let Some(found) = probe().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let deadline = tokio::time::timeout(Duration::from_secs(30), polling);
    deadline
        .await
        .unwrap_or_else(|_| panic!("timed out waiting for {what}"))
}

pub async fn run(conn: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql.clone()))
        .execute(conn)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

pub fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests with `make test`"))
}
