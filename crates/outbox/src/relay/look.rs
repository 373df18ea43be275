//! One look at one outbox.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use event_bus::{BreakerState, Producer};
use sqlx::PgConnection;

use super::{
    Outboxes, RelaySettings,
    rounds::{Census, Turn},
    slots::{Missing, Slot},
};
use crate::{
    Drained, OutboxId,
    lease::{Backlog, Claimed, Settled, claim},
    refused::count_refused,
};

/// What every look needs.
pub(super) struct Looker {
    pub(super) outboxes: Arc<dyn Outboxes>,
    pub(super) producer: Arc<Producer>,
    pub(super) settings: RelaySettings,
    /// Whether no other outbox waits for its turn.
    pub(super) alone: AtomicBool,
}

/// What a look found.
pub(super) struct Look {
    pub(super) outbox: OutboxId,
    pub(super) found: Found,
    /// What it left behind, if it came so far.
    pub(super) backlog: Option<Backlog>,
    /// The events set aside there, if they were counted.
    pub(super) refused: Option<i64>,
}

/// How it ended.
pub(super) enum Found {
    Drained(Drained),
    /// Some rows were published, others could not be. Holds the reason.
    Partly(String),
    /// Its database gave no connection, or no answer. Holds the reason.
    Unreachable(String),
}

impl Looker {
    pub(super) async fn look(self: Arc<Self>, turn: Turn, mut slot: Slot) -> Look {
        let Turn { outbox, census } = turn;
        let mut look = Look {
            outbox,
            found: Found::Drained(Drained::Stuck("kafka is away".to_owned())),
            backlog: None,
            refused: None,
        };
        // While Kafka is known to be away no database is bothered with a claim that comes to nothing.
        if self.producer.state() == BreakerState::Open {
            return look;
        }
        let patience = self.settings.patience;
        let opened = slot.wait_for(patience, self.outboxes.open(&look.outbox));
        let mut conn = match opened.await {
            Ok(conn) => conn,
            Err(missing) => {
                look.found = Found::Unreachable(missing.to_string());
                return look;
            }
        };
        let drained = match self.drain(&mut conn, &mut slot).await {
            Ok(settled) => {
                look.backlog = Some(settled.backlog);
                if census == Census::Take || settled.refused > 0 {
                    // Where the table is missing yet, nothing can be in it.
                    look.refused = slot.wait_for(patience, count_refused(&mut conn)).await.ok();
                }
                match settled.drained {
                    Drained::Stuck(reason) if settled.published > 0 => {
                        look.found = Found::Partly(reason);
                        return look;
                    }
                    drained => drained,
                }
            }
            Err(missing) => {
                if let Missing::Late(_) = missing {
                    // In the pool it would go on waiting for an answer, and keep its place there.
                    drop(conn.detach());
                }
                look.found = Found::Unreachable(missing.to_string());
                return look;
            }
        };
        drop(conn);
        if drained == Drained::Empty {
            let noted = slot.wait_for(patience, self.outboxes.drained(&look.outbox));
            if let Err(missing) = noted.await {
                // It is looked at once more than needed.
                tracing::debug!(outbox = %look.outbox, %missing, "that it is empty could not be noted");
            }
        }
        look.found = Found::Drained(drained);
        look
    }

    async fn drain(&self, conn: &mut PgConnection, slot: &mut Slot) -> Result<Settled, Missing> {
        let (patience, deadline) = (self.settings.patience, self.settings.deadline);
        let nothing = |drained| Settled {
            drained,
            backlog: Backlog::none(),
            refused: 0,
            published: 0,
        };
        let mut lease = match slot
            .wait_for(patience, claim(conn, self.settings.batch))
            .await?
        {
            Claimed::Busy => return Ok(nothing(Drained::Busy)),
            Claimed::Empty => return Ok(nothing(Drained::Empty)),
            Claimed::Rows(lease) => lease,
        };
        let go_on = || self.alone.load(Ordering::Relaxed);
        let publishing = lease.publish(&self.producer, go_on);
        let outcome = tokio::time::timeout(deadline, publishing)
            .await
            .map_err(|_| Missing::Late(deadline))?
            .map_err(|error| Missing::Failed(error.into()))?;
        slot.wait_for(deadline, lease.settle(outcome)).await
    }
}
