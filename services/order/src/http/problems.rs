//! Maps errors to problem documents.

use actix_web::http::StatusCode;
use service::Problem;

use crate::{domain::Refused, use_cases::OrderError};

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        let detail = error.to_string();
        match error {
            OrderError::NoProduct(_) => Self::not_found("product"),
            OrderError::NoOrder => Self::not_found("order"),
            OrderError::OutOfStock(_) => Self::conflict("out-of-stock", detail),
            OrderError::Refused(Refused::Step { .. }) => Self::conflict("order-status", detail),
            OrderError::Refused(Refused::OtherPayment) => Self::conflict("other-payment", detail),
            OrderError::Refused(Refused::OtherTransaction) => {
                Self::conflict("other-transaction", detail)
            }
            OrderError::Refused(Refused::Sum(_)) => Self::invalid("items", detail),
            OrderError::NotAllowed(_) => Self::forbidden(detail),
            OrderError::Stale(_) => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "stale",
                "Changed since it was read",
                detail,
            ),
            OrderError::Pieces(_) => Self::internal(&detail),
            OrderError::Idempotency(error) => error.into(),
            OrderError::Store(error) => error.into(),
        }
    }
}
