//! The steps of an order, as its events name them.

use std::{fmt, str::FromStr};

use serde::Serialize;
use utoipa::ToSchema;

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Placed.
    Created,
    /// The buyer can pay.
    WaitingForPayment,
    /// The payment was received.
    Paid,
    /// Handed over.
    Complete,
    /// Called off before it was paid.
    Cancelled,
    /// Not paid in time.
    Expired,
    /// Paid back.
    Refunded,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Created,
        Self::WaitingForPayment,
        Self::Paid,
        Self::Complete,
        Self::Cancelled,
        Self::Expired,
        Self::Refunded,
    ];

    /// Whether an order that is there now counts as revenue.
    #[must_use]
    pub fn earns(self) -> bool {
        matches!(self, Self::Paid | Self::Complete)
    }

    /// Whether an order that is there was paid on the way.
    #[must_use]
    pub fn was_paid(self) -> bool {
        self.earns() || self == Self::Refunded
    }

    /// The word on the wire and in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::WaitingForPayment => "WAITING_FOR_PAYMENT",
            Self::Paid => "PAID",
            Self::Complete => "COMPLETE",
            Self::Cancelled => "CANCELLED",
            Self::Expired => "EXPIRED",
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
#[error("{0} is no order status")]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_reads_back_as_it_is_written() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse::<Status>().unwrap(), status);
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert!("paid".parse::<Status>().is_err());
    }
}
