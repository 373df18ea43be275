//! The first admin of a tenant.

use service::Tx;
use tenancy::TenantId;

use super::{TenantError, apply_changes::apply_changes};
use crate::{domain::Admin, store::tenants};

/// Records the tenant's first admin and continues its onboarding.
///
/// # Errors
/// [`TenantError::NotFound`].
pub async fn record_admin(tx: &mut Tx, tenant: TenantId, admin: Admin) -> Result<(), TenantError> {
    let mut tenant = tenants::lock(tx, tenant)
        .await?
        .ok_or(TenantError::NotFound)?;
    tenant.record_admin(admin, tx.now());
    Ok(apply_changes(tx, &mut tenant, None).await?)
}
