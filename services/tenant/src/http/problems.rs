//! Problem documents of the use cases' errors.

use actix_web::http::StatusCode;
use service::Problem;

use crate::use_cases::TenantError;

impl From<TenantError> for Problem {
    fn from(error: TenantError) -> Self {
        let detail = error.to_string();
        match error {
            TenantError::NotFound => Self::not_found("tenant"),
            TenantError::CodeTaken(_) => Self::conflict("tenant-code-taken", detail),
            TenantError::UnknownRegion { .. } => Self::invalid("region", detail),
            TenantError::Transition(_) => Self::conflict("tenant-status", detail),
            TenantError::Stale(_) => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "precondition-failed",
                "Precondition failed",
                detail,
            ),
            TenantError::Idempotency(error) => error.into(),
            TenantError::Store(error) => error.into(),
        }
    }
}
