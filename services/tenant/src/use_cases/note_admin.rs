//! A tenant has an admin.

use service::Tx;
use tenancy::TenantId;

use super::{TenantError, record::record};
use crate::{domain::Admin, store::tenants};

/// Notes the tenant's first admin, and goes on with the onboarding if that is what it waited for.
///
/// # Errors
/// [`TenantError::NoTenant`].
pub async fn note_admin(tx: &mut Tx, tenant: TenantId, admin: Admin) -> Result<(), TenantError> {
    let mut tenant = tenants::lock(tx.conn(), tenant)
        .await?
        .ok_or(TenantError::NoTenant)?;
    tenant.note_admin(admin, tx.now());
    Ok(record(tx, &mut tenant, None).await?)
}
