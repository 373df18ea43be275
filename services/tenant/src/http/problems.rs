//! What the service's errors look like to a client.

use actix_web::http::StatusCode;
use service::Problem;

use crate::use_cases::TenantError;

impl From<TenantError> for Problem {
    fn from(error: TenantError) -> Self {
        let detail = error.to_string();
        match error {
            TenantError::NoTenant => Self::not_found("tenant"),
            TenantError::CodeTaken(_) => Self::conflict("tenant-code-taken", detail),
            TenantError::NoRegion { .. } => Self::invalid("region", detail),
            TenantError::Refused(_) => Self::conflict("tenant-status", detail),
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
