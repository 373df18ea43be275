//! Looking at one tenant.

use auth::{Caller, Role};
use service::PlatformScope;

use super::TenantError;
use crate::{
    domain::{Progress, Tenant},
    store::{provisioning, tenants},
};

/// The tenant of this id or code, for those who may know of it: the landlord, machines, and its own admin.
///
/// # Errors
/// [`TenantError::NoTenant`] for everybody else, whether there is one or not.
pub async fn read_tenant(
    scope: &PlatformScope,
    caller: &Caller,
    reference: &str,
) -> Result<Tenant, TenantError> {
    let mut conn = scope.read().await?;
    let found = tenants::find(&mut conn, reference).await?;
    found
        .filter(|tenant| may_know_of(caller, tenant))
        .ok_or(TenantError::NoTenant)
}

/// How far the tenant's onboarding has come, for the same callers.
///
/// # Errors
/// As [`read_tenant`].
pub async fn read_onboarding(
    scope: &PlatformScope,
    caller: &Caller,
    reference: &str,
) -> Result<(Tenant, [Progress; 5]), TenantError> {
    let tenant = read_tenant(scope, caller, reference).await?;
    let mut conn = scope.read().await?;
    let trouble = provisioning::trouble(&mut conn, tenant.id).await?;
    let progress = tenant.progress(trouble.as_deref());
    Ok((tenant, progress))
}

fn may_know_of(caller: &Caller, tenant: &Tenant) -> bool {
    match caller.role {
        Role::PlatformAdmin | Role::Service => true,
        Role::Admin => caller.is_admin_of(tenant.id.0),
        Role::Customer => false,
    }
}
