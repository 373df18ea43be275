//! Refused events: rows that can never be published, and the operations on them.

use event_bus::Envelope;
use sqlx::{
    PgConnection,
    types::{Json, time::OffsetDateTime},
};

use crate::metrics;

// Attempts are counted per event id, because a requeued event that is refused again gets a new row id. An envelope that
// contains \u0000 cannot be converted to a jsonb object; it is stored as a jsonb string of its escaped text.
const REFUSE: &str = "
    WITH refused AS (
        DELETE FROM outbox USING unnest($1::bigint[], $2::text[]) AS why (refused_id, reason)
        WHERE id = refused_id
        RETURNING id, topic, datum, reason,
                  CASE WHEN strpos(envelope::text, '\\u0000') > 0 THEN to_jsonb(envelope::text)
                       ELSE envelope::jsonb END AS envelope)
    INSERT INTO outbox_refused (id, topic, envelope, datum, reason, attempts)
    SELECT id, topic, envelope, datum, reason,
           1 + (SELECT count(*) FROM outbox_refused earlier
                WHERE earlier.envelope ->> 'id' = refused.envelope ->> 'id')
    FROM refused
    RETURNING id, topic, envelope ->> 'id', envelope ->> 'type', reason";
const LIST_OPEN: &str = "
    SELECT id, topic, envelope, reason, refused_at, attempts FROM outbox_refused
    WHERE settled_at IS NULL AND id > $1 ORDER BY id LIMIT $2";
const COUNT_OPEN: &str = "SELECT count(*) FROM outbox_refused WHERE settled_at IS NULL";
const REQUEUE: &str = "
    WITH back AS (
        UPDATE outbox_refused SET settled_at = now(), settled = 'requeued'
        WHERE id = $1 AND settled_at IS NULL
        RETURNING topic, envelope, datum)
    INSERT INTO outbox (topic, envelope, datum) SELECT topic, envelope, datum FROM back RETURNING id";
const DISCARD: &str = "
    UPDATE outbox_refused SET settled_at = now(), settled = 'discarded', settled_reason = $2
    WHERE id = $1 AND settled_at IS NULL";

/// An event in `outbox_refused` that is neither requeued nor discarded.
#[derive(Clone, Debug)]
pub struct RefusedEvent {
    /// The row id it had in the outbox.
    pub id: i64,
    /// The topic, without the topic prefix.
    pub topic: String,
    /// The envelope, or the parse error if the row holds no valid one.
    pub envelope: Result<Envelope, String>,
    /// The reason why it can never be published.
    pub reason: String,
    /// When it was refused.
    pub refused_at: OffsetDateTime,
    /// How often it was refused, including this time.
    pub attempts: i32,
}

/// Moves rows, given by id and reason, from the outbox to `outbox_refused`.
///
/// The relay itself refuses records that are too large for the broker and rows that are not valid events. Call this for
/// an event that blocks its aggregate because its schema will never be accepted.
pub async fn refuse(conn: &mut PgConnection, refused: &[(i64, String)]) -> Result<(), sqlx::Error> {
    type Moved = (i64, String, Option<String>, Option<String>, String);
    let (ids, reasons): (Vec<i64>, Vec<&str>) =
        refused.iter().map(|(id, why)| (*id, why.as_str())).unzip();
    let rows: Vec<Moved> = sqlx::query_as(REFUSE)
        .bind(&ids)
        .bind(&reasons)
        .fetch_all(conn)
        .await?;
    for (id, topic, event_id, event_type, reason) in rows {
        metrics::count_refused(&topic);
        tracing::error!(
            id,
            topic,
            event_id,
            event_type,
            reason,
            "event can never be published, moved to outbox_refused"
        );
    }
    Ok(())
}

/// Returns a page of the open refused events in ascending id order: up to `limit` events with ids above `after`. Pass 0
/// for the first page.
pub async fn list_refused(
    conn: &mut PgConnection,
    after: i64,
    limit: i64,
) -> Result<Vec<RefusedEvent>, sqlx::Error> {
    type Row = (
        i64,
        String,
        Json<serde_json::Value>,
        String,
        OffsetDateTime,
        i32,
    );
    let rows: Vec<Row> = sqlx::query_as(LIST_OPEN)
        .bind(after)
        .bind(limit)
        .fetch_all(conn)
        .await?;
    let event = |(id, topic, Json(envelope), reason, refused_at, attempts): Row| RefusedEvent {
        id,
        topic,
        envelope: serde_json::from_value(envelope).map_err(|error| error.to_string()),
        reason,
        refused_at,
        attempts,
    };
    Ok(rows.into_iter().map(event).collect())
}

/// Returns the number of open refused events.
pub async fn count_refused(conn: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(COUNT_OPEN).fetch_one(conn).await
}

/// Appends a refused event to the outbox again, to be published after its cause was fixed.
///
/// The event keeps its event id and sequence number, and follows events of its aggregate that were published meanwhile.
/// The refused row is kept as an audit record. Returns the new row id in the outbox, or `None` if there is no open
/// refused event with this id.
pub async fn requeue_refused(conn: &mut PgConnection, id: i64) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(REQUEUE)
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// Marks a refused event as discarded. The row and the reason are kept as an audit record.
///
/// Returns `false` if there is no open refused event with this id.
pub async fn discard_refused(
    conn: &mut PgConnection,
    id: i64,
    reason: &str,
) -> Result<bool, sqlx::Error> {
    let discarded = sqlx::query(DISCARD).bind(id).bind(reason).execute(conn);
    Ok(discarded.await?.rows_affected() == 1)
}
