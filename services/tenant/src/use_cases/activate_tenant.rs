//! Activation of a suspended tenant.

use service::{Begun, Idempotency, IfMatch, PlatformScope};

use super::{TenantError, apply_changes::apply_changes, suspend_tenant::lock};
use crate::domain::Tenant;

/// Activates a suspended tenant. Idempotent. A tenant that is being onboarded becomes active by its onboarding only.
///
/// # Errors
/// [`TenantError::NotFound`], [`TenantError::Transition`], [`TenantError::Stale`].
pub async fn activate_tenant(
    scope: &PlatformScope,
    call: &Idempotency,
    reference: &str,
    version: IfMatch,
) -> Result<Tenant, TenantError> {
    let mut tx = match scope.begin_once(call, &reference).await? {
        Begun::First(tx) => tx,
        Begun::Replayed(tenant) => return Ok(tenant),
    };
    let mut tenant = lock(&tx, reference, version).await?;
    if let Some(change) = tenant.activate()? {
        apply_changes(&mut tx, &mut tenant, Some(change)).await?;
    }
    tx.commit_once(&tenant).await?;
    Ok(tenant)
}
