//! Appending events to the outbox within the caller's transaction.

use event_bus::OutboundRecord;
use sqlx::PgConnection;

const APPEND: &str = "INSERT INTO outbox (topic, envelope, datum) VALUES ($1, $2::json, $3)";
const DEPTH: &str = "SELECT count(*) FROM outbox";

/// Appends an event to the outbox in the current schema of `conn`.
///
/// Call it inside the transaction that changes the aggregate, after the aggregate's row was locked or inserted. The row
/// lock serialises the transactions of one aggregate, so its outbox ids ascend in commit order.
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

/// Returns the number of unpublished events in the outbox of the current schema of `conn`.
pub async fn depth(conn: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(DEPTH).fetch_one(conn).await
}
