//! The rows of the outbox and the inbox, inside the caller's transaction.

use event_bus::OutboundRecord;
use sqlx::PgConnection;

const APPEND: &str = "INSERT INTO outbox (topic, envelope, datum) VALUES ($1, $2::json, $3)";
const FIRST_TIME: &str =
    "INSERT INTO inbox (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
const DEPTH: &str = "SELECT count(*) FROM outbox";

/// Puts an event into the outbox of the connection's schema. Call it inside the transaction that changes the
/// aggregate, after the aggregate's row was locked or inserted: that is what keeps one aggregate's events in order.
///
/// # Errors
/// Whatever the database answers; the caller's transaction is then to be rolled back.
pub async fn append(conn: &mut PgConnection, record: &OutboundRecord) -> Result<(), sqlx::Error> {
    let envelope = serde_json::to_string(&record.envelope);
    sqlx::query(APPEND)
        .bind(&record.topic)
        .bind(envelope.map_err(|error| sqlx::Error::Encode(error.into()))?)
        .bind(&record.datum)
        .execute(conn)
        .await
        .map(drop)
}

/// Notes that `consumer` handles the event now. `false`: it did so before, and there is nothing left to do.
/// Two transactions with the same event wait for each other here, so only one of them can be the first.
///
/// # Errors
/// Whatever the database answers.
pub async fn first_time(
    conn: &mut PgConnection,
    consumer: &str,
    event_id: sqlx::types::Uuid,
) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query(FIRST_TIME)
        .bind(consumer)
        .bind(event_id)
        .execute(conn)
        .await?;
    Ok(inserted.rows_affected() == 1)
}

/// How many events wait in the outbox of the connection's schema.
///
/// # Errors
/// Whatever the database answers.
pub async fn depth(conn: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(DEPTH).fetch_one(conn).await
}
