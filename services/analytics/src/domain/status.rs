//! The status of an order, as its events report it.

use serde::Serialize;
use strum::{Display, EnumIter, EnumString};
use utoipa::ToSchema;

/// The status of an order.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    ToSchema,
    Display,
    EnumIter,
    EnumString,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    /// Placed.
    Created,
    /// Waiting for the buyer to pay.
    WaitingForPayment,
    /// The payment was received.
    Paid,
    /// Completed.
    Complete,
    /// Cancelled before it was paid.
    Cancelled,
    /// Not paid in time.
    Expired,
    /// The payment was refunded.
    Refunded,
}

impl OrderStatus {
    /// Whether the total of an order with this status counts as revenue.
    #[must_use]
    pub fn counts_as_revenue(self) -> bool {
        matches!(self, Self::Paid | Self::Complete)
    }

    /// Whether an order with this status was paid at some time.
    #[must_use]
    pub fn was_paid(self) -> bool {
        self.counts_as_revenue() || self == Self::Refunded
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn every_status_round_trips_through_text() {
        for status in OrderStatus::iter() {
            let text = status.to_string();
            assert_eq!(text.parse(), Ok(status));
            assert_eq!(serde_json::to_value(status).unwrap(), text);
        }
        assert!("paid".parse::<OrderStatus>().is_err());
    }
}
