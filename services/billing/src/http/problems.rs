//! Problem documents for the errors of use cases.

use service::Problem;

use crate::use_cases::BillingError;

impl From<BillingError> for Problem {
    fn from(error: BillingError) -> Self {
        let detail = error.to_string();
        match error {
            BillingError::PaymentNotFound => Self::not_found("payment"),
            BillingError::SubscriptionNotFound => Self::not_found("subscription"),
            BillingError::PackageNotFound(_) => Self::not_found("package"),
            BillingError::SellerSuspended => Self::forbidden(detail),
            BillingError::PaymentCancelled(_) => Self::conflict("payment-cancelled", detail),
            BillingError::Gateway(_) => {
                tracing::warn!(%error, "payment gateway unavailable");
                Self::unavailable("the payment gateway is unavailable at the moment", 2)
            }
            BillingError::PaymentNotRequested(_) | BillingError::PaymentMismatch { .. } => {
                Self::internal(&detail)
            }
            BillingError::Store(error) => error.into(),
        }
    }
}
