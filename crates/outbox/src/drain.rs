//! One claim of one outbox: lease, publish, delete.

use event_bus::Producer;
use sqlx::PgConnection;

use crate::lease::{Claimed, claim};

/// What one look at an outbox found.
#[derive(Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every visible row was published. Rows may have become visible since.
    Empty,
    /// Everything that was claimed was published or set aside; there may be more.
    More,
    /// Another relay holds the lease.
    Busy,
    /// Some rows could not be published and stay. Holds the first reason.
    Stuck(String),
}

/// Publishes up to `batch` rows of the outbox that `conn` sees, in id order, and deletes what the broker acknowledged.
/// What can never be published is set aside (see [`crate::refused()`]).
///
/// # Errors
/// Whatever the database answers. Rows that were published but not deleted are published again, with the same event
/// id, by the next claim.
pub async fn drain_once(
    conn: &mut PgConnection,
    producer: &Producer,
    batch: i64,
) -> Result<Drained, sqlx::Error> {
    Ok(match claim(conn, batch).await? {
        Claimed::Busy => Drained::Busy,
        Claimed::Empty => Drained::Empty,
        Claimed::Rows(mut lease) => {
            let outcome = lease.publish(producer, || false).await?;
            lease.settle(outcome).await?.drained
        }
    })
}
