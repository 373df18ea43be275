//! Writing: events and offsets in one transaction.

use std::collections::HashSet;

use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::{LOCK, NewEvent, StoreError, copy::CopyRows};

/// How far a batch moves one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetStep {
    /// The topic as the broker calls it.
    pub topic: String,
    /// The partition of it.
    pub partition: i32,
    /// The next offset before the batch; `None` if nothing of the partition was ever read.
    pub from: Option<i64>,
    /// The next offset after it.
    pub to: i64,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// So many events are new.
    pub inserted: u64,
    /// So many were there already.
    pub known: u64,
    /// These cannot be stored: another event made their aggregate that version. They belong into the
    /// dead-letter topic before the transaction is committed.
    pub refused: Vec<Uuid>,
}

const STAGE: &str = "CREATE TEMPORARY TABLE IF NOT EXISTS event_staging (
    ordinal integer, event_id uuid, event_type text, aggregate_type text, aggregate_id text, version bigint,
    tenant_id uuid, correlation_id uuid, occurred_at timestamptz, topic text, partition integer,
    log_offset bigint, payload jsonb, metadata jsonb
) ON COMMIT DELETE ROWS";

const COPY: &str = "COPY event_staging FROM STDIN (FORMAT binary)";
const COPY_COLUMNS: i16 = 14;

const INSERT: &str = "INSERT INTO event_store (
    event_id, event_type, aggregate_type, aggregate_id, version, tenant_id, correlation_id, occurred_at,
    topic, partition, log_offset, payload, metadata)
SELECT event_id, event_type, aggregate_type, aggregate_id, version, tenant_id, correlation_id, occurred_at,
    topic, partition, log_offset, payload, metadata
FROM event_staging ORDER BY ordinal
ON CONFLICT DO NOTHING";

const REFUSED: &str = "SELECT DISTINCT s.event_id FROM event_staging s
WHERE NOT EXISTS (SELECT FROM event_store e WHERE e.event_id = s.event_id)";

/// Moves each partition only if it stands where the batch began: two readers of one partition cannot
/// both commit.
const ADVANCE: &str = "WITH step AS (
    SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[])
        AS s(topic, partition, before, after)
)
INSERT INTO projection_offset (topic, partition, next_offset)
SELECT topic, partition, after FROM step
ON CONFLICT (topic, partition) DO UPDATE SET next_offset = EXCLUDED.next_offset, updated_at = now()
WHERE projection_offset.next_offset = (
    SELECT s.before FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS s(topic, partition, before)
    WHERE s.topic = projection_offset.topic AND s.partition = projection_offset.partition)
RETURNING topic, partition";

/// Appends events and moves offsets. The caller's connection must be in a transaction, which it commits
/// if this succeeds and the refused events are taken care of.
///
/// Events known by their id are ignored. A batch names each partition once.
///
/// # Errors
/// [`StoreError::OffsetMoved`] if another reader was faster; nothing of the batch may be committed.
pub async fn append_batch(
    tx: &mut PgConnection,
    events: &[NewEvent],
    offsets: &[OffsetStep],
) -> Result<Appended, StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *tx)
        .await?;
    let appended = if events.is_empty() {
        Appended::default()
    } else {
        insert(tx, events).await?
    };
    advance(tx, offsets).await?;
    Ok(appended)
}

async fn insert(tx: &mut PgConnection, events: &[NewEvent]) -> Result<Appended, StoreError> {
    // More than one call in a transaction is allowed: the staging table is emptied at its end only.
    sqlx::raw_sql(STAGE).execute(&mut *tx).await?;
    sqlx::raw_sql("DELETE FROM event_staging")
        .execute(&mut *tx)
        .await?;
    let mut copy = tx.copy_in_raw(COPY).await?;
    copy.send(rows(events)).await?;
    copy.finish().await?;

    let inserted = sqlx::query(INSERT).execute(&mut *tx).await?.rows_affected();
    let mut appended = Appended {
        inserted,
        ..Appended::default()
    };
    let missing = events.len() as u64 - inserted;
    if missing > 0 {
        appended.refused = sqlx::query_scalar(REFUSED).fetch_all(&mut *tx).await?;
        let refused: HashSet<_> = appended.refused.iter().collect();
        let refused = events
            .iter()
            .filter(|event| refused.contains(&event.envelope.id));
        appended.known = missing - refused.count() as u64;
    }
    Ok(appended)
}

fn rows(events: &[NewEvent]) -> Vec<u8> {
    let mut rows = CopyRows::new(COPY_COLUMNS);
    for (ordinal, event) in (0_i32..).zip(events) {
        let envelope = &event.envelope;
        let json = |value| serde_json::to_vec(value).expect("a JSON value is valid JSON");
        let metadata = serde_json::to_vec(envelope).expect("attributes are texts and numbers");
        rows.row()
            .int4(ordinal)
            .uuid(envelope.id)
            .text(&envelope.event_type)
            .text(&envelope.aggregate)
            .text(&envelope.subject)
            .int8(event.version)
            .optional_uuid(envelope.tenant.as_ref().map(|tenant| tenant.id))
            .uuid(envelope.correlation_id)
            .timestamptz(envelope.time)
            .text(&event.place.topic)
            .int4(event.place.partition)
            .int8(event.place.offset)
            .jsonb(&json(&event.payload))
            .jsonb(&metadata);
    }
    rows.finish()
}

async fn advance(tx: &mut PgConnection, steps: &[OffsetStep]) -> Result<(), StoreError> {
    if steps.is_empty() {
        return Ok(());
    }
    let topics: Vec<_> = steps.iter().map(|step| step.topic.as_str()).collect();
    let partitions: Vec<_> = steps.iter().map(|step| step.partition).collect();
    let from: Vec<_> = steps.iter().map(|step| step.from).collect();
    let to: Vec<_> = steps.iter().map(|step| step.to).collect();
    let moved = sqlx::query(ADVANCE)
        .bind(topics)
        .bind(partitions)
        .bind(from)
        .bind(to)
        .fetch_all(&mut *tx)
        .await?;
    let mut done = HashSet::new();
    for row in moved {
        done.insert((row.try_get::<String, _>(0)?, row.try_get::<i32, _>(1)?));
    }
    let left = (steps.iter()).find(|step| !done.contains(&(step.topic.clone(), step.partition)));
    match left {
        None => Ok(()),
        Some(step) => Err(StoreError::OffsetMoved {
            topic: step.topic.clone(),
            partition: step.partition,
        }),
    }
}
