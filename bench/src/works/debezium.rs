//! Debezium's connector for `PostgreSQL` with its outbox event router, in standalone Kafka Connect.
//!
//! Its records equal those of the relay with two exceptions: the event's id is in the header `id`, whose name the router
//! fixes, and the record's timestamp is Debezium's.

mod connect;
mod table;

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use event_bus::Event as _;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::{event::Placed, relay::rows, topics};
use crate::{environment::Environment, reading::Reading};
use connect::Worker;

/// Time limits for the first record, and for all records.
const START: Duration = Duration::from_mins(2);
const PATIENCE: Duration = Duration::from_mins(10);
/// Interval between reads of the log's end.
const LOOK: Duration = Duration::from_millis(20);

/// What the connector reads, and which headers it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Reads rows from the replication slot, as after a pause of the connector. Writes all attributes as headers.
    Log,
    /// Reads rows from the table as an initial snapshot. Writes all attributes as headers.
    Snapshot,
    /// As `Log`, without attributes as headers.
    LogBare,
}

/// Fills a table with the router's layout. To read from the log, the slot is created before the rows.
pub async fn ready(environment: &Environment, way: Way) -> anyhow::Result<()> {
    if !Worker::installed(environment) {
        bail!(
            "Debezium is not installed in {}",
            environment.rivals.display()
        );
    }
    clean(environment).await?;
    let mut conn = rows::connect(environment).await?;
    conn.execute(AssertSqlSafe(table::create(way)?)).await?;
    if way != Way::Snapshot {
        let slot = "SELECT pg_create_logical_replication_slot($1, 'pgoutput')";
        sqlx::query(slot)
            .bind(slot_name(environment))
            .execute(&mut conn)
            .await?;
    }
    conn.execute(AssertSqlSafe(table::fill(way)?)).await?;
    conn.execute("VACUUM ANALYZE debezium.outbox").await?;
    conn.execute("CHECKPOINT").await?;
    Ok(())
}

/// Measured from the first record seen in the log to the last; the start of Java and the records seen with the first are
/// excluded.
pub async fn run(
    environment: &Environment,
    way: Way,
    partitions: i32,
    events: u64,
) -> anyhow::Result<Reading> {
    let end = topics::End::of(environment, Placed::TOPIC, partitions)?;
    let mut worker = Worker::start(environment, way)?;
    let begun = Instant::now();
    let first = arrival(&end, &mut worker, 1, begun + START).await?;
    let (clock, cpu) = (Instant::now(), worker.cpu()?);
    if first >= events {
        bail!("all {events} records arrived at once: no time can be measured");
    }
    let last = arrival(&end, &mut worker, events, begun + PATIENCE).await?;
    let (seconds, cpu) = (clock.elapsed(), worker.cpu()?.saturating_sub(cpu));
    worker.stop().await?;
    clean(environment).await?;
    if last > events {
        bail!("only {last} of {events} rows are in the log");
    }
    Ok(Reading {
        events: events - first,
        seconds: seconds.as_secs_f64(),
        cpu_seconds: cpu.as_secs_f64(),
        latency: None,
        also: [("start_seconds".to_owned(), (clock - begun).as_secs_f64())].into(),
    })
}

/// Waits until the log has this many records, and returns how many it has.
async fn arrival(
    end: &topics::End,
    worker: &mut Worker,
    events: u64,
    deadline: Instant,
) -> anyhow::Result<u64> {
    loop {
        let records = end.records()?;
        if records >= events {
            return Ok(records);
        }
        if worker.ended()? || Instant::now() > deadline {
            let said = worker.last_words();
            bail!("{records} of {events} records arrived; log of Kafka Connect:\n{said}");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Drops the slot, which would retain the write-ahead log, the table and the temporary folder.
pub async fn clean(environment: &Environment) -> anyhow::Result<()> {
    let mut admin = PgConnection::connect(&environment.postgres).await?;
    let (slot, deadline) = (
        slot_name(environment),
        Instant::now() + Duration::from_secs(30),
    );
    while !free(&mut admin, &slot).await? {
        if Instant::now() > deadline {
            bail!("the slot {slot} is still active");
        }
        tokio::time::sleep(LOOK).await;
    }
    let drop =
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1";
    sqlx::query(drop).bind(&slot).execute(&mut admin).await?;
    if let Ok(mut conn) = rows::connect(environment).await {
        conn.execute(table::DROP).await?;
    }
    connect::forget(environment)
}

/// Terminates the reader of the slot, and returns whether the slot is inactive.
async fn free(admin: &mut PgConnection, slot: &str) -> anyhow::Result<bool> {
    let end = "SELECT count(pg_terminate_backend(active_pid)) FROM pg_replication_slots
               WHERE slot_name = $1 AND active";
    let readers: i64 = sqlx::query_scalar(end)
        .bind(slot)
        .fetch_one(admin)
        .await
        .context("cannot read pg_replication_slots")?;
    Ok(readers == 0)
}

fn slot_name(environment: &Environment) -> String {
    format!("{}_debezium", word(&environment.run))
}

/// Converts a text to a part of a slot's name.
fn word(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    text.chars().map(plain).collect::<String>().to_lowercase()
}
