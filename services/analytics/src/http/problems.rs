//! Problem documents for the errors of reports.

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
