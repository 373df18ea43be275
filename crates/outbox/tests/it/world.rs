//! What every test begins with: a database, a topic, and aggregates that count.

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

/// A counter went up.
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

/// Names of one test on the shared servers.
pub struct World {
    pub bus: BusSettings,
    pub outboxes: Arc<Schemas>,
    pools: HashMap<String, PgPool>,
    heard: Arc<Mutex<Vec<(String, i64, Uuid)>>>,
    stop: CancellationToken,
    _guard: DropGuard,
}

/// Some outboxes, each in a schema of one database.
pub struct Schemas {
    ways: HashMap<String, PgPool>,
    /// What a sweep over the marked ones finds, and what one over all does.
    pub marked: Mutex<Vec<OutboxId>>,
    pub all: Mutex<Vec<OutboxId>>,
    pub sweeps: AtomicUsize,
    /// Outboxes whose database is away.
    pub away: Mutex<Vec<OutboxId>>,
    /// Whether a list of outboxes is never answered.
    pub listless: AtomicBool,
}

#[async_trait]
impl Outboxes for Schemas {
    async fn candidates(&self, sweep: Sweep) -> Result<Vec<OutboxId>, SourceError> {
        self.sweeps.fetch_add(1, Ordering::SeqCst);
        if self.listless.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let found = match sweep {
            Sweep::Marked => &self.marked,
            Sweep::All => &self.all,
        };
        Ok(found.lock().expect("no holder panics").clone())
    }

    async fn open(&self, outbox: &OutboxId) -> Result<PoolConnection<Postgres>, SourceError> {
        if self.away.lock().expect("no holder panics").contains(outbox) {
            return Err("away".into());
        }
        let pool = self.ways.get(outbox.as_str()).ok_or("no such outbox")?;
        Ok(pool.acquire().await?)
    }

    async fn drained(&self, _outbox: &OutboxId) -> Result<(), SourceError> {
        Ok(())
    }
}

impl World {
    /// A world with outboxes of these names.
    pub async fn with(names: &[&str]) -> Self {
        Self::reached(names, |_, options| options).await
    }

    /// With outboxes that the relay reaches as `way` says; the tests themselves go straight.
    pub async fn reached(
        names: &[&str],
        way: impl Fn(&str, PgConnectOptions) -> PgConnectOptions,
    ) -> Self {
        let world = Self::behind(names, way).await;
        listen(&world.bus, Arc::clone(&world.heard), world.stop.clone());
        world
    }

    async fn behind(
        names: &[&str],
        way: impl Fn(&str, PgConnectOptions) -> PgConnectOptions,
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
            .expect("it was just made");
        let (mut pools, mut ways) = (HashMap::new(), HashMap::new());
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
            ways.insert(
                (*schema).to_owned(),
                lazy.connect_lazy_with(way(schema, options)),
            );
            pool.execute(outbox::SCHEMA)
                .await
                .expect("the tables are made");
            pool.execute("CREATE TABLE counter (id uuid PRIMARY KEY, number bigint NOT NULL)")
                .await
                .expect("a table");
            pools.insert((*schema).to_owned(), pool);
        }

        let mut bus = BusSettings::new(variable("TENANTRY_KAFKA"), variable("TENANTRY_REGISTRY"));
        bus.topic_prefix = format!("{name}_");
        let topics = [TopicSpec::new(Counted::TOPIC, 3)];
        Admin::new(&bus, Duration::from_secs(20))
            .create_topics(&topics)
            .await
            .expect("the broker makes topics");
        let stop = CancellationToken::new();
        Self {
            bus,
            pools,
            outboxes: Arc::new(Schemas {
                ways,
                marked: Mutex::default(),
                all: Mutex::default(),
                sweeps: AtomicUsize::new(0),
                away: Mutex::default(),
                listless: AtomicBool::new(false),
            }),
            heard: Arc::default(),
            _guard: stop.clone().drop_guard(),
            stop,
        }
    }

    pub fn pool(&self, outbox: &str) -> &PgPool {
        &self.pools[outbox]
    }

    /// A producer of its own, as each replica has.
    pub fn producer(&self) -> Arc<Producer> {
        let schemas = EventSchemas::new().with::<Counted>();
        Arc::new(Producer::new(&self.bus, schemas).expect("a producer can be made"))
    }

    /// The numbers that were heard of a counter, in the order of the log.
    pub fn heard_of(&self, counter: Uuid) -> Vec<i64> {
        let heard = self.heard.lock().expect("no holder panics");
        let counter = counter.to_string();
        heard
            .iter()
            .filter(|(subject, ..)| *subject == counter)
            .map(|(_, number, _)| *number)
            .collect()
    }

    /// Waits until `count` events were heard; all of them.
    pub async fn hears(&self, count: usize) -> Vec<(String, i64, Uuid)> {
        eventually(&format!("{count} events"), || async {
            let heard = self.heard.lock().expect("no holder panics").clone();
            (heard.len() >= count).then_some(heard)
        })
        .await
    }

    /// Waits until the outbox is empty.
    pub async fn is_drained(&self, outbox: &str) {
        eventually("an empty outbox", || async {
            let mut conn = self
                .pool(outbox)
                .acquire()
                .await
                .expect("PostgreSQL answers");
            (outbox::depth(&mut conn).await.expect("it can be counted") == 0).then_some(())
        })
        .await;
    }
}

/// A counter at zero.
pub async fn counter(pool: &PgPool) -> Uuid {
    let id = Uuid::now_v7();
    let made = sqlx::query("INSERT INTO counter (id, number) VALUES ($1, 0)").bind(id);
    made.execute(pool).await.expect("it can be made");
    id
}

/// Counts up by one inside the transaction: row first, event after.
pub async fn count(conn: &mut PgConnection, counter: Uuid) -> i64 {
    let up = "UPDATE counter SET number = number + 1 WHERE id = $1 RETURNING number";
    let number: i64 = sqlx::query_scalar(up)
        .bind(counter)
        .fetch_one(&mut *conn)
        .await
        .expect("the counter is there");
    let parts = EventParts::new("/test", counter).sequence(number.unsigned_abs());
    let record = OutboundRecord::of(parts, &Counted { number }).expect("a valid event");
    outbox::append(conn, &record)
        .await
        .expect("it can be appended");
    number
}

/// Counts up and commits.
pub async fn count_and_commit(pool: &PgPool, counter: Uuid) {
    let mut tx = pool.begin().await.expect("PostgreSQL answers");
    count(&mut tx, counter).await;
    tx.commit().await.expect("it commits");
}

struct Ear(Arc<Mutex<Vec<(String, i64, Uuid)>>>);

#[async_trait]
impl Handler for Ear {
    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        let number = record.envelope.sequence.cast_signed();
        let heard = (record.envelope.subject.clone(), number, record.envelope.id);
        self.0.lock().expect("no holder panics").push(heard);
        Ok(())
    }
}

fn listen(bus: &BusSettings, heard: Arc<Mutex<Vec<(String, i64, Uuid)>>>, stop: CancellationToken) {
    let consumer = Consumer::builder(bus, "ear")
        .topics([Counted::TOPIC])
        .handler(Ear(heard))
        .build()
        .expect("a consumer can be made");
    tokio::spawn(async move { consumer.run(stop).await.expect("the log can be read") });
}

/// Waits for a condition; half a minute is far longer than anything takes.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let deadline = tokio::time::timeout(Duration::from_secs(30), looking);
    deadline
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {what}"))
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
