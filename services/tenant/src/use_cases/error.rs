//! Errors of the use cases.

use event_bus::Failure;
use service::{StoreError, scope::IdempotencyError};
use tenancy::{Region, TenantCode};

use crate::domain::InvalidTransition;

/// A use case that failed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// There is no such tenant, or none that the caller may see.
    #[error("there is no such tenant")]
    NotFound,
    /// Another tenant has or had this code.
    #[error("the code {0} is taken")]
    CodeTaken(TenantCode),
    /// The region is not configured.
    #[error("there is no region {region}; known are {known}")]
    UnknownRegion {
        /// The requested region.
        region: Region,
        /// The configured ones, separated by commas.
        known: String,
    },
    /// The tenant's status does not allow the change.
    #[error(transparent)]
    Transition(#[from] InvalidTransition),
    /// The tenant is not at the version of `If-Match`.
    #[error("it has changed since it was read: it is at version {0} now")]
    Stale(i64),
    /// The `Idempotency-Key` was used for another request, or its first request is in progress.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<TenantError> for Failure {
    fn from(error: TenantError) -> Self {
        match error {
            TenantError::Store(error)
            | TenantError::Idempotency(IdempotencyError::Store(error)) => error.into(),
            other => Self::permanent(other),
        }
    }
}
