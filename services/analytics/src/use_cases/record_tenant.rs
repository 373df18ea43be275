//! Records a milestone of a tenant.

use service::{StoreError, Tx};
use tenancy::TenantId;
use time::OffsetDateTime;

use crate::store::tenants;

/// A milestone in the life of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantMilestone {
    /// The tenant was created.
    Created,
    /// The tenant was activated.
    Activated,
}

/// Records when a tenant reached a milestone. The earliest time is kept.
///
/// # Errors
/// [`StoreError`].
pub async fn record_tenant(
    tx: &mut Tx,
    tenant: TenantId,
    milestone: TenantMilestone,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    match milestone {
        TenantMilestone::Created => tenants::record_created(tx, tenant, at).await,
        TenantMilestone::Activated => tenants::record_activated(tx, tenant, at).await,
    }
}
