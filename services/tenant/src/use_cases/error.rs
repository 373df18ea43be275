//! Why something about tenants was not done. Nothing was written then.

use event_bus::Failure;
use service::{StoreError, scope::IdempotencyError};
use tenancy::{Region, TenantCode};

use crate::domain::Refused;

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// There is no such tenant, or none that the caller may know of.
    #[error("there is no such tenant")]
    NoTenant,
    /// Another tenant has or had this code.
    #[error("the code {0} is taken")]
    CodeTaken(TenantCode),
    /// There is no such region here.
    #[error("there is no region {region}; known are {known}")]
    NoRegion {
        /// Asked for.
        region: Region,
        /// Those there are, in a row.
        known: String,
    },
    /// The tenant is in no state for it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The tenant has changed since the caller read it.
    #[error("it has changed since it was read: it is at version {0} now")]
    Stale(i64),
    /// The `Idempotency-Key` stands against it.
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
