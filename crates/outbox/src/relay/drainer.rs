//! A single drain attempt by the relay.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use event_bus::{BreakerState, Producer};
use sqlx::PgConnection;

use super::{
    Outboxes, RelaySettings,
    limits::{AttemptPermit, DatabaseError},
    round_robin_queue::{RefusedCount, ScheduledAttempt},
};
use crate::{
    DrainOutcome, OutboxId,
    lease::{Backlog, Claim, Settlement, claim},
    refused::count_refused,
};

/// Executes drain attempts; shared by all of them.
pub(super) struct Drainer {
    pub(super) outboxes: Arc<dyn Outboxes>,
    pub(super) producer: Arc<Producer>,
    pub(super) settings: RelaySettings,
    /// Whether no other outbox is queued.
    pub(super) queue_is_empty: AtomicBool,
}

/// A finished drain attempt.
pub(super) struct DrainAttempt {
    pub(super) outbox: OutboxId,
    pub(super) outcome: AttemptOutcome,
    /// The rows that remain, if the claim was settled.
    pub(super) backlog: Option<Backlog>,
    /// The number of open refused events, if it was counted.
    pub(super) refused: Option<i64>,
}

/// How a drain attempt ended.
pub(super) enum AttemptOutcome {
    Drained(DrainOutcome),
    /// Some rows were published, others could not be. Holds the first error.
    PartiallyPublished(String),
    /// The database could not be reached or did not respond in time. Holds the error.
    Unreachable(String),
}

impl Drainer {
    pub(super) async fn drain(
        self: Arc<Self>,
        attempt: ScheduledAttempt,
        mut permit: AttemptPermit,
    ) -> DrainAttempt {
        let ScheduledAttempt {
            outbox,
            refused_count,
        } = attempt;
        let mut attempt = DrainAttempt {
            outbox,
            outcome: AttemptOutcome::Drained(DrainOutcome::Stuck(
                "the circuit breaker of the producer is open".to_owned(),
            )),
            backlog: None,
            refused: None,
        };
        // While Kafka is unavailable, a claim would only load the database.
        if self.producer.state() == BreakerState::Open {
            return attempt;
        }
        let limit = self.settings.database_timeout;
        let opened = permit.with_timeout(limit, self.outboxes.open(&attempt.outbox));
        let mut conn = match opened.await {
            Ok(conn) => conn,
            Err(error) => {
                attempt.outcome = AttemptOutcome::Unreachable(error.to_string());
                return attempt;
            }
        };
        let outcome = match self.publish(&mut conn, &mut permit).await {
            Ok(settled) => {
                attempt.backlog = Some(settled.backlog);
                if refused_count == RefusedCount::Refresh || settled.refused > 0 {
                    // An error means that the table does not exist yet, so there is nothing to count.
                    let count = count_refused(&mut conn);
                    attempt.refused = permit.with_timeout(limit, count).await.ok();
                }
                match settled.outcome {
                    DrainOutcome::Stuck(reason) if settled.published > 0 => {
                        attempt.outcome = AttemptOutcome::PartiallyPublished(reason);
                        return attempt;
                    }
                    outcome => outcome,
                }
            }
            Err(error) => {
                if let DatabaseError::TimedOut(_) = error {
                    // Returned to the pool, the connection would stay occupied by the pending statement.
                    drop(conn.detach());
                }
                attempt.outcome = AttemptOutcome::Unreachable(error.to_string());
                return attempt;
            }
        };
        drop(conn);
        if outcome == DrainOutcome::Empty {
            let marked = self.outboxes.mark_clean(&attempt.outbox);
            if let Err(error) = permit.with_timeout(limit, marked).await {
                // The next sweep visits the outbox once more than necessary.
                tracing::debug!(outbox = %attempt.outbox, %error, "cannot mark the outbox as clean");
            }
        }
        attempt.outcome = AttemptOutcome::Drained(outcome);
        attempt
    }

    async fn publish(
        &self,
        conn: &mut PgConnection,
        permit: &mut AttemptPermit,
    ) -> Result<Settlement, DatabaseError> {
        let settings = &self.settings;
        let nothing_claimed = |outcome| Settlement {
            outcome,
            backlog: Backlog::empty(),
            refused: 0,
            published: 0,
        };
        let claiming = claim(conn, settings.batch_size);
        let mut lease = match permit
            .with_timeout(settings.database_timeout, claiming)
            .await?
        {
            Claim::Busy => return Ok(nothing_claimed(DrainOutcome::Busy)),
            Claim::Empty => return Ok(nothing_claimed(DrainOutcome::Empty)),
            Claim::Rows(lease) => lease,
        };
        let limit = settings.publish_timeout;
        let go_on = || self.queue_is_empty.load(Ordering::Relaxed);
        let publishing = lease.publish(&self.producer, go_on);
        let outcome = tokio::time::timeout(limit, publishing)
            .await
            .map_err(|_| DatabaseError::TimedOut(limit))?
            .map_err(|error| DatabaseError::Failed(error.into()))?;
        permit.with_timeout(limit, lease.settle(outcome)).await
    }
}
