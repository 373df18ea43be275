//! Opening a suspended tenant again.

use service::{Begun, Idempotency, IfMatch, PlatformScope};

use super::{TenantError, record::record, suspend_tenant::lock};
use crate::domain::Tenant;

/// Activates a suspended tenant. Activating one that is open already changes nothing; one that is not ready yet
/// becomes active by its onboarding alone.
///
/// # Errors
/// [`TenantError::NoTenant`], [`TenantError::Refused`], [`TenantError::Stale`].
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
    let mut tenant = lock(&mut tx, reference, version).await?;
    if let Some(change) = tenant.activate()? {
        record(&mut tx, &mut tenant, Some(change)).await?;
    }
    tx.commit_once(&tenant).await?;
    Ok(tenant)
}
