//! How each failure is answered.

use service::Problem;

use crate::use_cases::ReportError;

impl From<ReportError> for Problem {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Sum(_) => Self::internal(&error),
            ReportError::Store(error) => error.into(),
        }
    }
}
