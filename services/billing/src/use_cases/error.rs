//! Why something about payments and subscriptions was not done. Nothing was written then.

use event_bus::Failure;
use service::StoreError;

use crate::{
    domain::{OrderId, PaymentId, Refused},
    gateway::GatewayError,
};

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum BillingError {
    /// There is no such payment, or the link to it is not genuine.
    #[error("there is no such payment")]
    NoPayment,
    /// The seller takes no payments: the tenant is suspended.
    #[error("the seller takes no payments at the moment")]
    Closed,
    /// The payment does not take this step.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// An order says it was paid, and no payment was asked for it.
    #[error("order {0} says it was paid, and no payment was asked for it")]
    NeverAsked(OrderId),
    /// An order names a payment that is not its own.
    #[error("order {order} names payment {named}, its payment is {own}")]
    OtherPayment {
        /// Whose payment.
        order: OrderId,
        /// The one that was named.
        named: PaymentId,
        /// The one it has.
        own: PaymentId,
    },
    /// The tenant has no subscription yet.
    #[error("there is no subscription of this tenant yet")]
    NoSubscription,
    /// There is no such package.
    #[error("there is no package {0}")]
    NoPackage(tenancy::Package),
    /// The gateway did not do its part.
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
