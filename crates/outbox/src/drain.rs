//! A single drain pass over one outbox: claim, publish, delete.

use event_bus::Producer;
use sqlx::PgConnection;

use crate::lease::{Claim, claim};

/// The result of a drain pass over an outbox.
#[derive(Debug, PartialEq, Eq)]
pub enum DrainOutcome {
    /// All rows that were visible to the claim are published. Newer rows may exist.
    Empty,
    /// All claimed rows are published or refused, and there may be more.
    More,
    /// Another relay holds the lease.
    Busy,
    /// Some rows could not be published and remain in the outbox. Holds the first error.
    Stuck(String),
}

/// Publishes up to `batch_size` rows of the outbox in the current schema of `conn`, in id order, and deletes the rows
/// that the broker acknowledged.
///
/// Rows that can never be published are moved to `outbox_refused` (see [`crate::list_refused`]). If the database fails
/// between publishing and deleting, the next pass publishes the same rows again, with the same event ids.
pub async fn drain_once(
    conn: &mut PgConnection,
    producer: &Producer,
    batch_size: i64,
) -> Result<DrainOutcome, sqlx::Error> {
    Ok(match claim(conn, batch_size).await? {
        Claim::Busy => DrainOutcome::Busy,
        Claim::Empty => DrainOutcome::Empty,
        Claim::Rows(mut lease) => {
            let outcome = lease.publish(producer, || false).await?;
            lease.settle(outcome).await?.outcome
        }
    })
}
