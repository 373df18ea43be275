//! Events that can never be published as they are, and what an operator may do with them.

use event_bus::Envelope;
use sqlx::{
    PgConnection,
    types::{Json, time::OffsetDateTime},
};

use crate::metrics;

// An event that was put back and is refused once more is the same event: its attempts are counted by its id. What no
// text may hold in the database, jsonb refuses: an envelope with that is kept as a text, escaped as it is.
const SET_ASIDE: &str = "
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
const OPEN: &str = "
    SELECT id, topic, envelope, reason, refused_at, attempts FROM outbox_refused
    WHERE settled_at IS NULL AND id > $1 ORDER BY id LIMIT $2";
const COUNT: &str = "SELECT count(*) FROM outbox_refused WHERE settled_at IS NULL";
const REQUEUE: &str = "
    WITH back AS (
        UPDATE outbox_refused SET settled_at = now(), settled = 'requeued'
        WHERE id = $1 AND settled_at IS NULL
        RETURNING topic, envelope, datum)
    INSERT INTO outbox (topic, envelope, datum) SELECT topic, envelope, datum FROM back RETURNING id";
const DISCARD: &str = "
    UPDATE outbox_refused SET settled_at = now(), settled = 'discarded', settled_reason = $2
    WHERE id = $1 AND settled_at IS NULL";

/// An event that was set aside and waits for somebody's decision.
#[derive(Clone, Debug)]
pub struct RefusedEvent {
    /// The id it had in the outbox.
    pub id: i64,
    /// The topic without prefix.
    pub topic: String,
    /// The envelope; or, where even that does not read, why.
    pub envelope: Result<Envelope, String>,
    /// Why it can never be published.
    pub reason: String,
    /// When it was set aside.
    pub refused_at: OffsetDateTime,
    /// How often it was, counting this time.
    pub attempts: i32,
}

/// Moves rows out of the outbox into `outbox_refused`, with the reason for each. The relay does so by itself with what
/// is too large for the broker or not an event. Do it by hand to an event that holds up its aggregate because of a
/// schema that nobody is going to mend.
///
/// # Errors
/// Whatever the database answers.
pub async fn set_aside(
    conn: &mut PgConnection,
    refused: &[(i64, String)],
) -> Result<(), sqlx::Error> {
    type Moved = (i64, String, Option<String>, Option<String>, String);
    let (ids, reasons): (Vec<i64>, Vec<&str>) =
        refused.iter().map(|(id, why)| (*id, why.as_str())).unzip();
    let rows: Vec<Moved> = sqlx::query_as(SET_ASIDE)
        .bind(&ids)
        .bind(&reasons)
        .fetch_all(conn)
        .await?;
    for (id, topic, event_id, event_type, reason) in rows {
        metrics::refused(&topic);
        tracing::error!(
            id,
            topic,
            event_id,
            event_type,
            reason,
            "event can never be published; it is set aside in outbox_refused"
        );
    }
    Ok(())
}

/// The events that were set aside and are not settled, oldest first: at most `limit` with ids above `after`, which is 0
/// for the first page.
///
/// # Errors
/// Whatever the database answers.
pub async fn refused(
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
    let rows: Vec<Row> = sqlx::query_as(OPEN)
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

/// How many events are set aside and not settled.
///
/// # Errors
/// Whatever the database answers.
pub async fn count_refused(conn: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(COUNT).fetch_one(conn).await
}

/// Puts an event that was set aside at the end of the outbox, to be tried again after its cause was mended. It keeps its
/// id and its sequence number, and comes after events of its aggregate that were published meanwhile. The act is kept.
/// Returns its new id in the outbox; `None` if there is no such event, or it is settled already.
///
/// # Errors
/// Whatever the database answers.
pub async fn requeue(conn: &mut PgConnection, id: i64) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(REQUEUE)
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// Gives up an event that was set aside. The event, the act and its reason are kept. `false` if there is no such event,
/// or it is settled already.
///
/// # Errors
/// Whatever the database answers.
pub async fn discard_refused(
    conn: &mut PgConnection,
    id: i64,
    reason: &str,
) -> Result<bool, sqlx::Error> {
    let discarded = sqlx::query(DISCARD).bind(id).bind(reason).execute(conn);
    Ok(discarded.await?.rows_affected() == 1)
}
