//! Exactly-once effects: an inbox row and one updated row in one transaction per event.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::bail;
use async_trait::async_trait;
use event_bus::{Consumer, Event as _, EventSchemas, Failure, Handler, Producer, Record};
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, PgPool, postgres::PgPoolOptions,
};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Against, Bound, Figure, Goal, Side, Work,
    event::{Placed, placed},
    topics,
};
use crate::{
    environment::Environment,
    reading::{Clock, Reading},
};

/// Events per turn, which is also the size of the log.
const EVENTS: u64 = 20_000;
const TENANTS: u64 = 100;
/// Rows that are updated in turn.
const ORDERS: u64 = 1_000;
const BATCH: usize = 5_000;
/// Concurrent transactions, and connections.
const AT_ONCE: u32 = 8;
const GROUP: &str = "bench-inbox";
/// Time limit; exceeded only if something hangs.
const PATIENCE: Duration = Duration::from_mins(3);

const TABLE: &str = "CREATE TABLE orders (id uuid PRIMARY KEY, pieces bigint NOT NULL)";
const ADD: &str = "INSERT INTO orders (id, pieces) SELECT id, 0 FROM unnest($1::uuid[]) AS id";
const EMPTY: &str = "TRUNCATE inbox";
const INBOX: &str = "INSERT INTO inbox (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
const CHANGE: &str = "UPDATE orders SET pieces = pieces + $2 WHERE id = $1";

pub struct Inbox;

#[async_trait]
impl Work for Inbox {
    fn name(&self) -> &'static str {
        "inbox"
    }

    fn title(&self) -> &'static str {
        "handle events with inbox and one row changed, 8 at once"
    }

    fn sides(&self) -> &'static [Side] {
        const {
            &[
                Side::every(
                    "event-bus",
                    "a consumer whose handler changes the row if outbox::inbox::insert_if_new says so",
                ),
                Side::every(
                    "by hand",
                    "the same two statements in one transaction, with generated events",
                ),
            ]
        }
    }

    fn goals(&self) -> &'static [Goal] {
        const {
            &[Goal {
                side: "event-bus",
                figure: Figure::Rate,
                against: Against::Side("by hand"),
                bound: Some(Bound::AtLeast(0.8)),
            }]
        }
    }

    async fn prepare(&self, environment: &Environment) -> anyhow::Result<()> {
        database(environment).await?;
        topics::recreate(environment, &[Placed::TOPIC], 6).await?;
        let producer = Producer::new(&environment.bus(), EventSchemas::new().with::<Placed>())?;
        let numbers: Vec<u64> = (0..environment.scaled(EVENTS)).collect();
        for batch in numbers.chunks(BATCH) {
            let batch = batch
                .iter()
                .map(|n| placed(n % TENANTS, n % ORDERS, n / ORDERS + 1));
            let batch = batch.collect::<anyhow::Result<Vec<_>>>()?;
            for published in producer.publish_batch(&batch).await {
                published?;
            }
        }
        Ok(())
    }

    async fn ready(&self, environment: &Environment, _side: &str) -> anyhow::Result<()> {
        let mut database = PgConnection::connect(&url(environment)?).await?;
        database.execute(EMPTY).await?;
        // Removes the dead rows of the previous turn.
        database.execute("VACUUM FULL orders").await?;
        Ok(database.close().await?)
    }

    async fn run(&self, environment: &Environment, side: &str) -> anyhow::Result<Reading> {
        let events = environment.scaled(EVENTS);
        let connections = PgPoolOptions::new()
            .min_connections(AT_ONCE)
            .max_connections(AT_ONCE);
        let pool = connections.connect(&url(environment)?).await?;
        match side {
            "event-bus" => ours(environment, pool, events).await,
            "by hand" => by_hand(&pool, events).await,
            other => bail!("unknown side {other:?}"),
        }
    }

    async fn clean(&self, environment: &Environment) -> anyhow::Result<()> {
        let mut server = PgConnection::connect(&environment.postgres).await?;
        dropped(&mut server, environment).await?;
        Ok(server.close().await?)
    }
}

/// Creates the database of this work with the rows to update.
async fn database(environment: &Environment) -> anyhow::Result<()> {
    let mut server = PgConnection::connect(&environment.postgres).await?;
    dropped(&mut server, environment).await?;
    let create = format!("CREATE DATABASE \"{}\"", name(environment));
    server.execute(AssertSqlSafe(create)).await?;
    server.close().await?;
    let mut database = PgConnection::connect(&url(environment)?).await?;
    database.execute(outbox::SCHEMA).await?;
    database.execute(TABLE).await?;
    let orders: Vec<Uuid> = (0..ORDERS).map(row).collect::<anyhow::Result<_>>()?;
    sqlx::query(ADD).bind(orders).execute(&mut database).await?;
    Ok(database.close().await?)
}

async fn dropped(server: &mut PgConnection, environment: &Environment) -> anyhow::Result<()> {
    let drop = format!(
        "DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)",
        name(environment)
    );
    server.execute(AssertSqlSafe(drop)).await?;
    Ok(())
}

fn name(environment: &Environment) -> String {
    format!("{}_inbox", environment.run)
}

fn url(environment: &Environment) -> anyhow::Result<String> {
    let mut url = url::Url::parse(&environment.postgres)?;
    url.set_path(&name(environment));
    Ok(url.into())
}

/// Returns the row that an order's events update, which is their subject.
fn row(order: u64) -> anyhow::Result<Uuid> {
    let event = placed(order % TENANTS, order, 1)?;
    Ok(event.envelope.subject.parse()?)
}

struct Change {
    pool: PgPool,
    events: u64,
    seen: AtomicU64,
    first: Notify,
    all: Notify,
}

/// Handles an event as `InboxHandler` of the services does.
#[async_trait]
impl Handler for Change {
    fn wants(&self, event_type: &str) -> bool {
        event_type == Placed::TYPE
    }

    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        let mut tx = self.pool.begin().await.map_err(Failure::unavailable)?;
        let new = outbox::inbox::insert_if_new(&mut tx, GROUP, record.envelope.id).await;
        if !new.map_err(Failure::unavailable)? {
            return Ok(());
        }
        let placed: Placed = record.decode().await?;
        let order: Uuid = placed.order_id.parse().map_err(Failure::permanent)?;
        let change = sqlx::query(CHANGE)
            .bind(order)
            .bind(i64::from(placed.pieces));
        let changed = change.execute(&mut *tx).await;
        let changed = changed.map_err(Failure::unavailable)?.rows_affected();
        if changed != 1 {
            return Err(Failure::permanent("the order does not exist"));
        }
        tx.commit().await.map_err(Failure::unavailable)?;
        self.count();
        Ok(())
    }
}

impl Change {
    fn count(&self) {
        let count = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        if count == 1 {
            self.first.notify_one();
        }
        if count == self.events {
            self.all.notify_one();
        }
    }
}

async fn ours(environment: &Environment, pool: PgPool, events: u64) -> anyhow::Result<Reading> {
    let change = Arc::new(Change {
        pool,
        events,
        seen: AtomicU64::new(0),
        first: Notify::new(),
        all: Notify::new(),
    });
    let stop = CancellationToken::new();
    let consumer = Consumer::builder(&environment.bus(), format!("bench-{}", Uuid::now_v7()))
        .topics([Placed::TOPIC])
        .parallel(AT_ONCE as usize)
        .handler(Arc::clone(&change))
        .build()?;
    let running = tokio::spawn(consumer.run(stop.clone()));
    tokio::time::timeout(PATIENCE, change.first.notified()).await?;
    let clock = Clock::own();
    tokio::time::timeout(PATIENCE, change.all.notified()).await?;
    let reading = clock.read(events);
    stop.cancel();
    running.await??;
    Ok(reading)
}

/// Concurrent transactions use different orders, so that none waits for a row lock.
async fn by_hand(pool: &PgPool, events: u64) -> anyhow::Result<Reading> {
    let rows: Arc<[Uuid]> = (0..ORDERS).map(row).collect::<anyhow::Result<_>>()?;
    let clock = Clock::own();
    let mut workers = JoinSet::new();
    for worker in 0..u64::from(AT_ONCE) {
        let (pool, rows) = (pool.clone(), Arc::clone(&rows));
        workers.spawn(async move {
            let own = (0..events).filter(|n| n % ORDERS % u64::from(AT_ONCE) == worker);
            for number in own {
                let order = rows[(number % ORDERS) as usize];
                let mut tx = pool.begin().await?;
                let seen = sqlx::query(INBOX).bind(GROUP).bind(Uuid::now_v7());
                seen.execute(&mut *tx).await?;
                let change = sqlx::query(CHANGE).bind(order).bind(3_i64);
                change.execute(&mut *tx).await?;
                tx.commit().await?;
            }
            Ok::<(), sqlx::Error>(())
        });
    }
    while let Some(worked) = workers.join_next().await {
        worked??;
    }
    Ok(clock.read(events))
}
