//! A tenant came, or opened for business.

use service::{StoreError, Tx};
use tenancy::TenantId;
use time::OffsetDateTime;

use crate::store::tenants;

/// What a tenant did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantStep {
    /// It was created.
    Created,
    /// It opened for business.
    Activated,
}

/// Notes a tenant's step.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn note_tenant(
    tx: &mut Tx,
    tenant: TenantId,
    step: TenantStep,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    match step {
        TenantStep::Created => tenants::note_created(tx.conn(), tenant, at).await,
        TenantStep::Activated => tenants::note_activated(tx.conn(), tenant, at).await,
    }
}
