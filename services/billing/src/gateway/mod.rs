//! Payment gateways.

mod link;
mod test;

use async_trait::async_trait;
use event_bus::BoxError;

pub use link::LinkKey;
pub use test::TestGateway;

use crate::domain::{Payment, PaymentId, Seller};

/// A failed call of the gateway. Whether money moved is unknown, so the call is retried.
#[derive(Debug, thiserror::Error)]
#[error("the payment gateway is unavailable: {0}")]
pub struct GatewayError(#[from] pub BoxError);

/// Receives payments from buyers and refunds them.
///
/// Calls are made inside the transaction of the payment's change and are repeated if it fails: an implementation uses
/// the payment's id as the idempotency key, so that money moves once.
#[async_trait]
pub trait PaymentGateway: Send + Sync {
    /// The gateway's name on payments and in events.
    fn name(&self) -> &'static str;

    /// The URL where the buyer pays.
    ///
    /// # Errors
    /// The gateway is unavailable.
    async fn payment_link(
        &self,
        seller: &Seller,
        payment: PaymentId,
    ) -> Result<String, GatewayError>;

    /// Refunds the full amount to the buyer.
    ///
    /// # Errors
    /// The gateway is unavailable.
    async fn refund(&self, payment: &Payment) -> Result<(), GatewayError>;
}
