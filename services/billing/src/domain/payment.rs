//! A payment and the steps it can take.

use std::{fmt, str::FromStr};

use auth::UserId;
use money::Money;
use serde::{Deserialize, Serialize};
use tenancy::TenantId;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{OrderId, PaymentId};

/// Where a payment is in its life.
///
/// ```text
/// Pending → Succeeded → Refunded
///    └→ Cancelled
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// The buyer can pay.
    Pending,
    /// The money arrived.
    Succeeded,
    /// Its order ended before it was paid; it cannot be paid any more.
    Cancelled,
    /// Its order ended after it was paid; the money went back.
    Refunded,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 4] = [
        Self::Pending,
        Self::Succeeded,
        Self::Cancelled,
        Self::Refunded,
    ];

    /// Whether `next` may follow. Staying is not a step.
    #[must_use]
    pub fn can_become(self, next: Self) -> bool {
        use Status::{Cancelled, Pending, Refunded, Succeeded};
        matches!(
            (self, next),
            (Pending, Succeeded | Cancelled) | (Succeeded, Refunded)
        )
    }

    /// The word on the wire and in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Succeeded => "SUCCEEDED",
            Self::Cancelled => "CANCELLED",
            Self::Refunded => "REFUNDED",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that is no status.
#[derive(Debug, thiserror::Error)]
#[error("{0} is no payment status")]
pub struct NoStatus(String);

impl FromStr for Status {
    type Err = NoStatus;

    fn from_str(text: &str) -> Result<Self, NoStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| NoStatus(text.to_owned()))
    }
}

/// Who is paid: the tenant that sells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seller {
    /// The tenant.
    pub id: TenantId,
    /// Its code.
    pub code: String,
}

/// What an order asks its buyer to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// For which order.
    pub order_id: OrderId,
    /// Who pays.
    pub buyer_id: UserId,
    /// How much.
    pub amount: Money,
}

/// The payment of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// For which order; an order has one payment.
    pub order_id: OrderId,
    /// Who pays.
    pub buyer_id: UserId,
    /// How much.
    pub amount: Money,
    /// Where it is in its life.
    pub status: Status,
    /// Who settles it; `test` is the embedded test gateway.
    pub gateway: String,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
    /// When it last changed.
    pub updated_at: OffsetDateTime,
    /// Counts its changes.
    pub version: i64,
}

/// Whether a step changed anything: a repeated one does not, and then nothing is stored or published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Change {
    /// It did.
    Made,
    /// It had been taken before.
    None,
}

/// What the end of an order made of its payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum End {
    /// It was open, and cannot be paid any more.
    Cancelled,
    /// It was paid, and the money goes back.
    Refunded,
    /// It had ended before.
    Before,
}

/// The order of a payment ended before the payment was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payment was cancelled with its order and cannot be made any more")]
pub struct Refused;

impl Payment {
    /// Asks for what is due.
    #[must_use]
    pub fn ask(due: Due, gateway: &str, now: OffsetDateTime) -> Self {
        Self {
            id: PaymentId(Uuid::now_v7()),
            order_id: due.order_id,
            buyer_id: due.buyer_id,
            amount: due.amount,
            status: Status::Pending,
            gateway: gateway.to_owned(),
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// The payment of an order that ended before it was asked for: should the order's creation be heard of later, it
    /// asks for nothing.
    #[must_use]
    pub fn never_due(due: Due, gateway: &str, now: OffsetDateTime) -> Self {
        Self {
            status: Status::Cancelled,
            ..Self::ask(due, gateway, now)
        }
    }

    /// Takes the money. Said again, even after it went back, it changes nothing.
    ///
    /// # Errors
    /// The order ended first.
    pub fn settle(&mut self, now: OffsetDateTime) -> Result<Change, Refused> {
        match self.status {
            Status::Pending => {
                self.take(Status::Succeeded, now);
                Ok(Change::Made)
            }
            Status::Succeeded | Status::Refunded => Ok(Change::None),
            Status::Cancelled => Err(Refused),
        }
    }

    /// Its order has ended: what was paid goes back, what was not is not taken any more.
    pub fn end(&mut self, now: OffsetDateTime) -> End {
        match self.status {
            Status::Pending => {
                self.take(Status::Cancelled, now);
                End::Cancelled
            }
            Status::Succeeded => {
                self.take(Status::Refunded, now);
                End::Refunded
            }
            Status::Cancelled | Status::Refunded => End::Before,
        }
    }

    fn take(&mut self, to: Status, now: OffsetDateTime) {
        self.status = to;
        self.updated_at = now;
        self.version += 1;
    }
}

#[cfg(test)]
mod tests;
