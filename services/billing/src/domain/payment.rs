//! The state machine of a payment.

use auth::UserId;
use money::Money;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString};
use tenancy::TenantId;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{OrderId, PaymentId};

/// The status of a payment.
///
/// ```text
/// Pending → Succeeded → Refunded
///    └→ Cancelled
/// ```
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
    Display,
    EnumIter,
    EnumString,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentStatus {
    /// Waiting for the buyer to pay.
    Pending,
    /// The money was received.
    Succeeded,
    /// The order ended before it was paid; the payment can no longer be made.
    Cancelled,
    /// The order ended after it was paid; the money was returned.
    Refunded,
}

impl PaymentStatus {
    /// Whether the transition to `next` is allowed. Staying is not a transition.
    #[must_use]
    pub fn can_become(self, next: Self) -> bool {
        use PaymentStatus::{Cancelled, Pending, Refunded, Succeeded};
        matches!(
            (self, next),
            (Pending, Succeeded | Cancelled) | (Succeeded, Refunded)
        )
    }
}

/// The tenant that sells and receives the money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seller {
    /// The tenant.
    pub id: TenantId,
    /// The tenant's code.
    pub code: String,
}

/// The amount that a buyer owes for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmountDue {
    /// The order.
    pub order_id: OrderId,
    /// The buyer.
    pub buyer_id: UserId,
    /// The order's total.
    pub amount: Money,
}

/// The payment of an order; an order has exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The unique id.
    pub id: PaymentId,
    /// The order it pays for.
    pub order_id: OrderId,
    /// The buyer.
    pub buyer_id: UserId,
    /// The amount.
    pub amount: Money,
    /// The current status.
    pub status: PaymentStatus,
    /// The gateway that settles it; `test` is the embedded test gateway.
    pub gateway: String,
    /// The time of creation.
    pub created_at: OffsetDateTime,
    /// The time of the last change.
    pub updated_at: OffsetDateTime,
    /// The number of changes, starting at 1.
    pub version: i64,
}

/// Whether a transition changed anything. A repeated one does not, and nothing is stored or published then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Change {
    /// The payment changed.
    Made,
    /// The transition had happened before.
    None,
}

/// The effect of an order's end on its payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Reversal {
    /// The payment was pending and can no longer be made.
    Cancelled,
    /// The payment had succeeded and is refunded.
    Refunded,
    /// The payment had been cancelled or refunded before.
    AlreadyDone,
}

/// The payment was cancelled because its order ended first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payment was cancelled with its order and can no longer be made")]
pub struct PaymentCancelled;

impl Payment {
    /// A pending payment of the amount due.
    #[must_use]
    pub fn new(due: AmountDue, gateway: &str, now: OffsetDateTime) -> Self {
        Self {
            id: PaymentId::generate(),
            order_id: due.order_id,
            buyer_id: due.buyer_id,
            amount: due.amount,
            status: PaymentStatus::Pending,
            gateway: gateway.to_owned(),
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// A cancelled payment, for an order whose end is handled before its creation: when the creation is handled later,
    /// no payment is requested.
    #[must_use]
    pub fn new_cancelled(due: AmountDue, gateway: &str, now: OffsetDateTime) -> Self {
        Self {
            status: PaymentStatus::Cancelled,
            ..Self::new(due, gateway, now)
        }
    }

    /// Records that the money was received. Idempotent, also after a refund.
    ///
    /// # Errors
    /// The order ended first.
    pub fn settle(&mut self, now: OffsetDateTime) -> Result<Change, PaymentCancelled> {
        match self.status {
            PaymentStatus::Pending => {
                self.transition(PaymentStatus::Succeeded, now);
                Ok(Change::Made)
            }
            PaymentStatus::Succeeded | PaymentStatus::Refunded => Ok(Change::None),
            PaymentStatus::Cancelled => Err(PaymentCancelled),
        }
    }

    /// Reverses the payment because its order ended: a succeeded payment is refunded, a pending one is cancelled.
    pub fn reverse(&mut self, now: OffsetDateTime) -> Reversal {
        match self.status {
            PaymentStatus::Pending => {
                self.transition(PaymentStatus::Cancelled, now);
                Reversal::Cancelled
            }
            PaymentStatus::Succeeded => {
                self.transition(PaymentStatus::Refunded, now);
                Reversal::Refunded
            }
            PaymentStatus::Cancelled | PaymentStatus::Refunded => Reversal::AlreadyDone,
        }
    }

    fn transition(&mut self, to: PaymentStatus, now: OffsetDateTime) {
        self.status = to;
        self.updated_at = now;
        self.version += 1;
    }
}

#[cfg(test)]
mod tests;
