//! Debezium's connector for `PostgreSQL` with its outbox event router, in Kafka Connect on its own.
//!
//! Its records are ours but for this: the event's id is in the header `id`, since the router lets nobody choose another
//! name for it, and the record's time is Debezium's own.

mod connect;
mod table;

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use event_bus::Event as _;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::{event::Placed, relay::rows, topics};
use crate::{place::Place, reading::Reading};
use connect::Worker;

/// How long Java and Kafka Connect may take until the first record is in the log, and how long all of it may take.
const START: Duration = Duration::from_mins(2);
const PATIENCE: Duration = Duration::from_mins(10);
/// Between two looks at the log's end.
const LOOK: Duration = Duration::from_millis(20);

/// How it reads, and what it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The rows wait in the slot, as they do for an outbox's connector that was away. All attributes go to headers.
    TopicLog,
    /// The rows wait in the table and are read as its first snapshot. All attributes go to headers.
    Snapshot,
    /// As `TopicLog`, but no attribute goes to a header.
    LogBare,
}

/// Fills a table of the layout that the router wants. Where the log is to be read, the slot is there before the rows.
pub async fn ready(place: &Place, way: Way) -> anyhow::Result<()> {
    if !Worker::installed(place) {
        bail!("Debezium is not in {}", place.rivals.display());
    }
    clean(place).await?;
    let mut conn = rows::connect(place).await?;
    conn.execute(AssertSqlSafe(table::create(way)?)).await?;
    if way != Way::Snapshot {
        let slot = "SELECT pg_create_logical_replication_slot($1, 'pgoutput')";
        sqlx::query(slot)
            .bind(slot_name(place))
            .execute(&mut conn)
            .await?;
    }
    conn.execute(AssertSqlSafe(table::fill(way)?)).await?;
    conn.execute("VACUUM ANALYZE debezium.outbox").await?;
    conn.execute("CHECKPOINT").await?;
    Ok(())
}

/// From the first record that is seen in the log to the last: the start of Java does not count, nor do the records that
/// came with the first.
pub async fn run(place: &Place, way: Way, partitions: i32, events: u64) -> anyhow::Result<Reading> {
    let end = topics::End::of(place, Placed::TOPIC, partitions)?;
    let mut worker = Worker::start(place, way)?;
    let begun = Instant::now();
    let first = arrival(&end, &mut worker, 1, begun + START).await?;
    let (clock, cpu) = (Instant::now(), worker.cpu()?);
    if first >= events {
        bail!("all {events} came at once: nothing is left to be timed");
    }
    let last = arrival(&end, &mut worker, events, begun + PATIENCE).await?;
    let (seconds, cpu) = (clock.elapsed(), worker.cpu()?.saturating_sub(cpu));
    worker.stop().await?;
    clean(place).await?;
    if last > events {
        bail!("of {events} rows {last} are in the log");
    }
    Ok(Reading {
        events: events - first,
        seconds: seconds.as_secs_f64(),
        cpu_seconds: cpu.as_secs_f64(),
        latency: None,
        also: [("start_seconds".to_owned(), (clock - begun).as_secs_f64())].into(),
    })
}

/// Waits until so many records are in the log; how many there are then.
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
            bail!("{records} records came, {events} were to come; Kafka Connect said:\n{said}");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Drops the slot, for which `PostgreSQL` would keep its log for ever, the table and the scratch folder.
pub async fn clean(place: &Place) -> anyhow::Result<()> {
    let mut admin = PgConnection::connect(&place.postgres).await?;
    let (slot, deadline) = (slot_name(place), Instant::now() + Duration::from_secs(30));
    while !free(&mut admin, &slot).await? {
        if Instant::now() > deadline {
            bail!("somebody still reads from the slot {slot}");
        }
        tokio::time::sleep(LOOK).await;
    }
    let drop =
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1";
    sqlx::query(drop).bind(&slot).execute(&mut admin).await?;
    if let Ok(mut conn) = rows::connect(place).await {
        conn.execute(table::DROP).await?;
    }
    connect::forget(place)
}

/// Ends whoever reads from the slot; whether nobody does.
async fn free(admin: &mut PgConnection, slot: &str) -> anyhow::Result<bool> {
    let end = "SELECT count(pg_terminate_backend(active_pid)) FROM pg_replication_slots
               WHERE slot_name = $1 AND active";
    let readers: i64 = sqlx::query_scalar(end)
        .bind(slot)
        .fetch_one(admin)
        .await
        .context("the slots cannot be seen")?;
    Ok(readers == 0)
}

fn slot_name(place: &Place) -> String {
    format!("{}_debezium", word(&place.run))
}

/// As part of the name of a slot.
fn word(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    text.chars().map(plain).collect::<String>().to_lowercase()
}
