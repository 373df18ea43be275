//! One claim of one outbox: lease, publish, delete.

use event_bus::{OutboundRecord, Producer};
use sqlx::{Connection, PgConnection, types::Json};

use crate::metrics;

// The lease lives as long as the transaction: PostgreSQL frees it when the holder commits or dies, and it works
// through a transaction-pooling proxy. It is taken in a statement of its own, so that the next one sees whatever the
// previous holder committed. Waiting for the broker is not being idle: for this transaction the session's own limit is
// lifted to beyond the relay's deadline.
const LEASE: &str =
    "SELECT pg_try_advisory_xact_lock(hashtextextended('outbox.' || current_schema(), 0))
     FROM set_config('idle_in_transaction_session_timeout', '70s', true)";
const CLAIM: &str = "SELECT id, topic, envelope, datum FROM outbox ORDER BY id LIMIT $1";
const DELETE: &str = "DELETE FROM outbox WHERE id = ANY($1)";

/// What one look at an outbox found.
#[derive(Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every visible row was published. Rows may have become visible since.
    Empty,
    /// A full batch was published; there may be more.
    More,
    /// Another relay holds the lease.
    Busy,
    /// Some rows could not be published and stay. Holds the first reason.
    Stuck(String),
}

/// Publishes up to `batch` rows of the outbox that `conn` sees, in id order, and deletes what the broker acknowledged.
///
/// # Errors
/// Whatever the database answers. Rows that were published but not deleted are published again, with the same event
/// id, by the next claim.
pub async fn drain_once(
    conn: &mut PgConnection,
    producer: &Producer,
    batch: i64,
) -> Result<Drained, sqlx::Error> {
    let mut tx = conn.begin().await?;
    if !sqlx::query_scalar::<_, bool>(LEASE)
        .fetch_one(&mut *tx)
        .await?
    {
        return Ok(Drained::Busy);
    }
    let rows: Vec<(i64, String, Json<event_bus::Envelope>, Vec<u8>)> = sqlx::query_as(CLAIM)
        .bind(batch)
        .fetch_all(&mut *tx)
        .await?;
    if rows.is_empty() {
        return Ok(Drained::Empty);
    }
    let full = rows.len() == usize::try_from(batch).unwrap_or(usize::MAX);
    let (ids, records): (Vec<i64>, Vec<OutboundRecord>) = rows
        .into_iter()
        .map(|(id, topic, Json(envelope), datum)| {
            (
                id,
                OutboundRecord {
                    topic,
                    envelope,
                    datum,
                },
            )
        })
        .unzip();

    let results = producer.publish_batch(&records).await;

    let published: Vec<i64> = ids
        .iter()
        .zip(&results)
        .filter(|(_, result)| result.is_ok())
        .map(|(id, _)| *id)
        .collect();
    let stuck = results
        .iter()
        .find_map(|result| result.as_ref().err().map(ToString::to_string));
    if !published.is_empty() {
        sqlx::query(DELETE)
            .bind(&published)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        metrics::published(&records, &results);
    }
    Ok(match stuck {
        Some(reason) => Drained::Stuck(reason),
        None if full => Drained::More,
        None => Drained::Empty,
    })
}
