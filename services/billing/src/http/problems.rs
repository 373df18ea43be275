//! How each refusal is answered.

use service::Problem;

use crate::use_cases::BillingError;

impl From<BillingError> for Problem {
    fn from(error: BillingError) -> Self {
        let detail = error.to_string();
        match error {
            BillingError::NoPayment => Self::not_found("payment"),
            BillingError::NoSubscription => Self::not_found("subscription"),
            BillingError::NoPackage(_) => Self::not_found("package"),
            BillingError::Closed => Self::forbidden(detail),
            BillingError::Refused(_) => Self::conflict("payment-cancelled", detail),
            BillingError::Gateway(_) => {
                tracing::warn!(%error, "gateway out of reach");
                Self::unavailable("the payment gateway cannot be reached at the moment", 2)
            }
            BillingError::NeverAsked(_) | BillingError::OtherPayment { .. } => {
                Self::internal(&detail)
            }
            BillingError::Store(error) => error.into(),
        }
    }
}
