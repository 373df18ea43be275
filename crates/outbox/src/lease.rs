//! The lease of one outbox, and the rows that are claimed, published and settled under it.

mod batch;
mod follow_up;

use std::{mem::take, time::SystemTime};

use event_bus::{Producer, PublishError, Published, StoredEvent};
use futures::join;
use sqlx::{Connection, PgConnection, Postgres, Row, Transaction, postgres::PgRow};

use crate::{DrainOutcome, refused};
use batch::ClaimedBatch;
use follow_up::FollowUpClaims;

// The lease is an advisory lock with the lifetime of the transaction: PostgreSQL releases it when the holder commits or
// dies, and it works through a transaction-pooling proxy. It is acquired in a statement before the claim, so that the
// claim's snapshot includes everything the previous holder committed; one message carries both BEGIN and the lock.
// A transaction-local setting tells the claim whether the lock was acquired. The session's idle timeout is raised above
// the relay's publish timeout, because the transaction is idle while the broker acknowledges.
const BEGIN: &str = "BEGIN;
    SELECT set_config('idle_in_transaction_session_timeout', '70s', true),
           set_config('outbox.lease', pg_try_advisory_xact_lock(
               hashtextextended('outbox.' || current_schema(), 0))::text, true);
    SAVEPOINT leased";
const HELD: &str = "SELECT current_setting('outbox.lease') = 'true'";
// Rows are deleted when they are claimed, not after they are published. The deletion is invisible to other sessions until
// the commit, hides the rows from the next claim of this lease, and saves a statement. There is no id cursor: a row with
// a lower id can become visible at any time, with later rows of its aggregate behind it.
const CLAIM: &str = "
    DELETE FROM outbox WHERE id = ANY(ARRAY(
        SELECT id FROM (
            SELECT id, sum(octet_length(datum)) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING)
                       - octet_length(datum) AS bytes_before
            FROM (SELECT id, datum FROM outbox WHERE current_setting('outbox.lease') = 'true'
                  ORDER BY id LIMIT $1) oldest
        ) sized WHERE bytes_before < $2))
    RETURNING id, topic, envelope::text, datum";
const ROLL_BACK: &str = "ROLLBACK TO SAVEPOINT leased";
const DELETE: &str = "DELETE FROM outbox WHERE id = ANY($1)";
const MAX_REMAINING: &str = "SELECT coalesce(max(id) - min(id) + 1, 0) FROM outbox";

/// Payload bytes at which a claim takes no further row.
const MAX_CLAIM_BYTES: i64 = 16 << 20;
/// Maximum number of claims under one lease. After a crash, at most their rows are published again.
const MAX_CLAIMS: u32 = 8;

/// The result of claiming rows of an outbox.
pub(crate) enum Claim<'a> {
    /// Another relay holds the lease.
    Busy,
    /// The outbox has no visible rows.
    Empty,
    /// Rows were claimed.
    Rows(Lease<'a>),
}

/// A held lease with claimed rows. Dropping it rolls the claim back.
pub(crate) struct Lease<'a> {
    tx: Transaction<'a, Postgres>,
    /// The raw rows of the latest claim; taken when they are decoded.
    claimed: Vec<PgRow>,
    /// Whether the first claim reached a limit, so that there may be more rows.
    full: bool,
    follow_up: FollowUpClaims,
    /// Ids of the published rows.
    published: Vec<i64>,
    /// Timestamp of the first claimed event.
    oldest: Option<SystemTime>,
}

/// The result of settling a lease.
pub(crate) struct Settlement {
    pub(crate) outcome: DrainOutcome,
    pub(crate) backlog: Backlog,
    /// Number of refused events.
    pub(crate) refused: usize,
    /// Number of published events.
    pub(crate) published: usize,
}

/// The rows that remain in an outbox after a drain attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// Upper bound of the number of rows, from the range of ids.
    pub(crate) rows: i64,
    /// Timestamp of the oldest event that the attempt claimed.
    pub(crate) oldest: SystemTime,
}

impl Backlog {
    pub(crate) fn empty() -> Self {
        Self {
            rows: 0,
            oldest: SystemTime::UNIX_EPOCH,
        }
    }
}

/// Acquires the lease of the outbox in the current schema of `conn` and claims up to `batch_size` rows, in two round
/// trips.
pub(crate) async fn claim(
    conn: &mut PgConnection,
    batch_size: i64,
) -> Result<Claim<'_>, sqlx::Error> {
    let mut tx = conn.begin_with(BEGIN).await?;
    let claimed = sqlx::query(CLAIM)
        .bind(batch_size)
        .bind(MAX_CLAIM_BYTES)
        .fetch_all(&mut *tx)
        .await?;
    if !claimed.is_empty() {
        return Ok(Claim::Rows(Lease {
            tx,
            full: is_full(&claimed, batch_size)?,
            claimed,
            follow_up: FollowUpClaims::new(batch_size),
            published: Vec::new(),
            oldest: None,
        }));
    }
    let held: bool = sqlx::query_scalar(HELD).fetch_one(&mut *tx).await?;
    Ok(if held { Claim::Empty } else { Claim::Busy })
}

/// Returns whether a claim reached its row limit or byte limit.
fn is_full(claimed: &[PgRow], batch_size: i64) -> Result<bool, sqlx::Error> {
    let mut bytes = 0;
    for row in claimed {
        bytes += row.try_get::<&[u8], _>(3)?.len();
    }
    let reaches = |limit: i64, value: usize| usize::try_from(limit).is_ok_and(|l| value >= l);
    Ok(reaches(batch_size, claimed.len()) || reaches(MAX_CLAIM_BYTES, bytes))
}

/// The result of publishing the claimed rows.
pub(crate) enum PublishOutcome {
    /// All claimed rows are published.
    Complete(DrainOutcome),
    /// Some rows of this last claim are not published. Holds one result for each of its events.
    Incomplete(ClaimedBatch, Vec<Result<Published, PublishError>>),
}

impl Lease<'_> {
    /// Publishes the claimed rows, and those of follow-up claims while `go_on` returns `true`.
    ///
    /// Pipelined: the database executes the next claim while the current rows are decoded, sent and acknowledged.
    pub(crate) async fn publish(
        &mut self,
        producer: &Producer,
        go_on: impl Fn() -> bool,
    ) -> Result<PublishOutcome, sqlx::Error> {
        for claims in 1.. {
            let (tx, follow_up) = (&mut self.tx, &mut self.follow_up);
            let claim_more = self.full && claims < MAX_CLAIMS && go_on();
            let next_claim = async {
                if claim_more {
                    follow_up.next(tx).await
                } else {
                    Ok(None)
                }
            };
            // Polled in this order, so that the claim is sent before decoding occupies the thread.
            let publishing = ClaimedBatch::publish(take(&mut self.claimed), producer);
            let (next_claim, published) = join!(next_claim, publishing);
            let (mut batch, results) = published?;
            let first = || batch.events.first().map(StoredEvent::time);
            self.oldest = self.oldest.or_else(|| first().map(SystemTime::from));
            let next_claim = next_claim?;
            if !results.iter().all(Result::is_ok) || !batch.invalid.is_empty() {
                return Ok(PublishOutcome::Incomplete(batch, results));
            }
            self.published.append(&mut batch.ids);
            match next_claim {
                Some(rows) => self.claimed = rows,
                // Rows that became visible after the claims are not known.
                None if self.full => break,
                None => return Ok(PublishOutcome::Complete(DrainOutcome::Empty)),
            }
        }
        Ok(PublishOutcome::Complete(DrainOutcome::More))
    }

    /// Commits the deletion of published and refused rows, which releases the lease.
    pub(crate) async fn settle(
        mut self,
        outcome: PublishOutcome,
    ) -> Result<Settlement, sqlx::Error> {
        let (outcome, refused) = match outcome {
            PublishOutcome::Complete(outcome) => (outcome, 0),
            PublishOutcome::Incomplete(batch, results) => {
                self.restore_unpublished(batch, results).await?
            }
        };
        let rows = match outcome {
            DrainOutcome::Empty | DrainOutcome::Busy => 0,
            DrainOutcome::More | DrainOutcome::Stuck(_) => {
                sqlx::query_scalar(MAX_REMAINING)
                    .fetch_one(&mut *self.tx)
                    .await?
            }
        };
        let backlog = Backlog {
            rows,
            oldest: self.oldest.unwrap_or_else(SystemTime::now),
        };
        self.tx.commit().await?;
        Ok(Settlement {
            outcome,
            backlog,
            refused,
            published: self.published.len(),
        })
    }

    /// Rolls the deletions back, then deletes the published rows and moves rows that can never be published to
    /// `outbox_refused`. Returns the outcome and the number of refused rows.
    async fn restore_unpublished(
        &mut self,
        batch: ClaimedBatch,
        results: Vec<Result<Published, PublishError>>,
    ) -> Result<(DrainOutcome, usize), sqlx::Error> {
        let (mut refused, mut first_error) = (batch.invalid, None);
        for (id, result) in batch.ids.into_iter().zip(results) {
            match result {
                Ok(_) => self.published.push(id),
                Err(PublishError::Refused(reason)) => refused.push((id, reason)),
                Err(PublishError::AfterFailed) => {}
                Err(error) => first_error = first_error.or(Some(error.to_string())),
            }
        }
        sqlx::query(ROLL_BACK).execute(&mut *self.tx).await?;
        if !refused.is_empty() {
            refused::refuse(&mut self.tx, &refused).await?;
        }
        if !self.published.is_empty() {
            sqlx::query(DELETE)
                .bind(&self.published)
                .execute(&mut *self.tx)
                .await?;
        }
        // With the refused rows gone, the rows behind them can be published.
        let outcome = first_error.map_or(DrainOutcome::More, DrainOutcome::Stuck);
        Ok((outcome, refused.len()))
    }
}
