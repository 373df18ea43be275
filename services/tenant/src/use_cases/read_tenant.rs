//! One tenant and its onboarding.

use auth::{Caller, Role};
use service::PlatformScope;

use super::TenantError;
use crate::{
    domain::{StepProgress, Tenant},
    store::{provisioning, tenants},
};

/// The tenant with this id or code. Visible to platform administrators, services and the tenant's own admins.
///
/// # Errors
/// [`TenantError::NotFound`], also if the caller may not see the tenant.
pub async fn read_tenant(
    scope: &PlatformScope,
    caller: &Caller,
    reference: &str,
) -> Result<Tenant, TenantError> {
    let db = scope.read().await?;
    let found = tenants::find(&db, reference).await?;
    found
        .filter(|tenant| may_see(caller, tenant))
        .ok_or(TenantError::NotFound)
}

/// The tenant's onboarding by step, for the same callers.
///
/// # Errors
/// As [`read_tenant`].
pub async fn read_onboarding(
    scope: &PlatformScope,
    caller: &Caller,
    reference: &str,
) -> Result<(Tenant, [StepProgress; 5]), TenantError> {
    let tenant = read_tenant(scope, caller, reference).await?;
    let db = scope.read().await?;
    let last_error = provisioning::last_error(&db, tenant.id).await?;
    let progress = tenant.progress(last_error.as_deref());
    Ok((tenant, progress))
}

fn may_see(caller: &Caller, tenant: &Tenant) -> bool {
    match caller.role {
        Role::PlatformAdmin | Role::Service => true,
        Role::Admin => caller.is_admin_of(tenant.id.0),
        Role::Customer => false,
    }
}
