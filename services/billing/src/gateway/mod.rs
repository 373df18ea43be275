//! Who moves the money.

mod link;
mod test;

use async_trait::async_trait;
use event_bus::BoxError;

pub use link::LinkKey;
pub use test::TestGateway;

use crate::domain::{Payment, PaymentId, Seller};

/// A gateway that did not do what it was asked for. Whether the money moved is unknown, so it is asked again.
#[derive(Debug, thiserror::Error)]
#[error("the payment gateway cannot be used: {0}")]
pub struct GatewayError(#[from] pub BoxError);

/// Takes money from buyers and gives it back.
///
/// Calls are made inside the transaction of the step they belong to and are repeated when it fails: an implementation
/// uses the payment's id as its idempotency key, so that money moves once.
#[async_trait]
pub trait PaymentGateway: Send + Sync {
    /// The word for it on payments and in events.
    fn name(&self) -> &'static str;

    /// Where the buyer pays.
    ///
    /// # Errors
    /// The gateway is out of reach.
    async fn payment_link(
        &self,
        seller: &Seller,
        payment: PaymentId,
    ) -> Result<String, GatewayError>;

    /// Gives the whole amount back to the buyer.
    ///
    /// # Errors
    /// The gateway is out of reach.
    async fn refund(&self, payment: &Payment) -> Result<(), GatewayError>;
}
