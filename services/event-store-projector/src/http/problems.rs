//! Errors of the use cases as problems.

use actix_web::http::StatusCode;
use event_store::StoreError;
use service::Problem;

use crate::use_cases::ReadError;

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        let detail = error.to_string();
        match error {
            ReadError::NotFound(what) => Self::not_found(what),
            ReadError::NameYourOrder => Self::invalid("aggregateId", detail),
            ReadError::NoBeginning(_) => Self::new(
                StatusCode::CONFLICT,
                "history-incomplete",
                "History incomplete",
                detail,
            ),
            ReadError::Store(StoreError::Database(error)) => {
                service::StoreError::from(error).into()
            }
            ReadError::Store(error) => Self::internal(&error),
        }
    }
}
