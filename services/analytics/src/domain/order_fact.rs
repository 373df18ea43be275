//! The merged state of one order, independent of the order and number of deliveries of its events.

use auth::UserId;
use money::Money;
use time::OffsetDateTime;

use super::{OrderId, OrderStatus};

/// One status transition of an order, from its event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderTransition {
    /// The order.
    pub order_id: OrderId,
    /// The buyer.
    pub buyer_id: UserId,
    /// The order's total.
    pub total: Money,
    /// The status after the transition.
    pub status: OrderStatus,
    /// The order's version after the transition.
    pub version: i64,
    /// The time of the transition.
    pub at: OffsetDateTime,
}

/// All transitions of one order, merged: changeable values are those of the highest version, times are the earliest.
/// Merging is commutative and idempotent, so reordered and repeated deliveries give the same fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderFact {
    /// The order.
    pub order_id: OrderId,
    /// The buyer.
    pub buyer_id: UserId,
    /// The order's total.
    pub total: Money,
    /// The status at `version`.
    pub status: OrderStatus,
    /// The highest version that was merged.
    pub version: i64,
    /// The time of the earliest transition, which is the creation once its event is merged.
    pub placed_at: OffsetDateTime,
    /// The time of payment, if the order was ever paid.
    pub paid_at: Option<OffsetDateTime>,
    /// The time of completion, if the order was ever completed.
    pub completed_at: Option<OffsetDateTime>,
}

impl OrderFact {
    /// The fact after the first delivered transition.
    #[must_use]
    pub fn new(transition: &OrderTransition) -> Self {
        let mut fact = Self {
            order_id: transition.order_id,
            buyer_id: transition.buyer_id,
            total: transition.total,
            status: transition.status,
            version: transition.version,
            placed_at: transition.at,
            paid_at: None,
            completed_at: None,
        };
        fact.merge(transition);
        fact
    }

    /// Merges another transition of the same order.
    pub fn merge(&mut self, transition: &OrderTransition) {
        if transition.version > self.version {
            self.version = transition.version;
            self.status = transition.status;
            self.buyer_id = transition.buyer_id;
            self.total = transition.total;
        }
        self.placed_at = self.placed_at.min(transition.at);
        if transition.status.was_paid() {
            self.paid_at = Some(earliest(self.paid_at, transition.at));
        }
        if transition.status == OrderStatus::Complete {
            self.completed_at = Some(earliest(self.completed_at, transition.at));
        }
    }
}

fn earliest(known: Option<OffsetDateTime>, new: OffsetDateTime) -> OffsetDateTime {
    known.map_or(new, |known| known.min(new))
}
