//! What is known of one order, whichever of its events came, how often and in which order.

use auth::UserId;
use money::Money;
use time::OffsetDateTime;

use super::{OrderId, Status};

/// One step of an order's life, as an event told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Whose step.
    pub order: OrderId,
    /// Who ordered.
    pub buyer: UserId,
    /// The sum of the order.
    pub total: Money,
    /// Where the step led.
    pub reached: Status,
    /// The order's version after the step.
    pub version: i64,
    /// When.
    pub at: OffsetDateTime,
}

/// Everything told of one order, merged: what can change is as at the highest version, a time is the earliest told.
/// Both are the same however the steps come, so a step that comes again changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderFacts {
    /// The order.
    pub order: OrderId,
    /// Who ordered.
    pub buyer: UserId,
    /// The sum of the order.
    pub total: Money,
    /// Where it is.
    pub status: Status,
    /// The version that `status` is of.
    pub version: i64,
    /// When it was placed. Until that event comes, the earliest that is known of it.
    pub placed_at: OffsetDateTime,
    /// When it was paid, if it ever was.
    pub paid_at: Option<OffsetDateTime>,
    /// When it was completed, if it ever was.
    pub completed_at: Option<OffsetDateTime>,
}

impl OrderFacts {
    /// What the first step that comes tells.
    #[must_use]
    pub fn of(step: &Step) -> Self {
        let mut facts = Self {
            order: step.order,
            buyer: step.buyer,
            total: step.total,
            status: step.reached,
            version: step.version,
            placed_at: step.at,
            paid_at: None,
            completed_at: None,
        };
        facts.learn(step);
        facts
    }

    /// Adds what another step of the same order tells.
    pub fn learn(&mut self, step: &Step) {
        if step.version > self.version {
            self.version = step.version;
            self.status = step.reached;
            self.buyer = step.buyer;
            self.total = step.total;
        }
        self.placed_at = self.placed_at.min(step.at);
        if step.reached.was_paid() {
            self.paid_at = Some(earliest(self.paid_at, step.at));
        }
        if step.reached == Status::Complete {
            self.completed_at = Some(earliest(self.completed_at, step.at));
        }
    }
}

fn earliest(known: Option<OffsetDateTime>, told: OffsetDateTime) -> OffsetDateTime {
    known.map_or(told, |known| known.min(told))
}
