//! Errors of the use cases.

use event_bus::Failure;
use service::StoreError;

use crate::{
    domain::{OrderId, PaymentCancelled, PaymentId},
    gateway::GatewayError,
};

/// Why a use case failed. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum BillingError {
    /// The payment does not exist, or the link to it is not genuine.
    #[error("there is no such payment")]
    PaymentNotFound,
    /// The tenant is suspended and accepts no payments.
    #[error("the seller accepts no payments at the moment")]
    SellerSuspended,
    /// The order ended before the payment was made.
    #[error(transparent)]
    PaymentCancelled(#[from] PaymentCancelled),
    /// An order was reported as paid although no payment was requested for it.
    #[error("order {0} was reported as paid, but no payment was requested for it")]
    PaymentNotRequested(OrderId),
    /// An order was reported as paid by a payment that is not its own.
    #[error("order {order} was reported as paid by payment {reported}, but its payment is {own}")]
    PaymentMismatch {
        /// The order.
        order: OrderId,
        /// The payment of the report.
        reported: PaymentId,
        /// The order's payment.
        own: PaymentId,
    },
    /// The tenant has no subscription yet.
    #[error("the tenant has no subscription yet")]
    SubscriptionNotFound,
    /// The package does not exist.
    #[error("there is no package {0}")]
    PackageNotFound(tenancy::Package),
    /// The payment gateway failed.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<BillingError> for Failure {
    fn from(error: BillingError) -> Self {
        match error {
            BillingError::Store(error) => error.into(),
            BillingError::Gateway(_) => Self::unavailable(error),
            other => Self::permanent(other),
        }
    }
}
