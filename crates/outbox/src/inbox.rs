//! Deduplication of consumed events within the transaction of their effect.

use sqlx::{PgConnection, types::Uuid};

const INSERT_IF_NEW: &str =
    "INSERT INTO inbox (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";

/// Records that `consumer` processes the event, and returns whether the event is new to it.
///
/// `false` means that a committed transaction of the same consumer recorded the event before: skip the effect. A
/// concurrent transaction with the same event blocks here until the first one ends, so at most one of them commits the
/// effect.
pub async fn insert_if_new(
    conn: &mut PgConnection,
    consumer: &str,
    event_id: Uuid,
) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query(INSERT_IF_NEW)
        .bind(consumer)
        .bind(event_id)
        .execute(conn)
        .await?;
    Ok(inserted.rows_affected() == 1)
}
