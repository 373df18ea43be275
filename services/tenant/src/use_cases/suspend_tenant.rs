//! Refusing a tenant everywhere.

use serde::Serialize;
use service::{Begun, Idempotency, IfMatch, PlatformScope, Tx};

use super::{TenantError, record::record};
use crate::{domain::Tenant, store::tenants};

#[derive(Serialize)]
struct Wish<'a> {
    reference: &'a str,
    reason: &'a Option<String>,
}

/// Suspends the tenant: every service refuses it within a second. Suspending it again changes nothing.
///
/// # Errors
/// [`TenantError::NoTenant`], [`TenantError::Refused`] if it is not open for business, [`TenantError::Stale`].
pub async fn suspend_tenant(
    scope: &PlatformScope,
    call: &Idempotency,
    reference: &str,
    version: IfMatch,
    reason: Option<String>,
) -> Result<Tenant, TenantError> {
    let wish = Wish {
        reference,
        reason: &reason,
    };
    let mut tx = match scope.begin_once(call, &wish).await? {
        Begun::First(tx) => tx,
        Begun::Replayed(tenant) => return Ok(tenant),
    };
    let mut tenant = lock(&mut tx, reference, version).await?;
    if let Some(change) = tenant.suspend(reason)? {
        record(&mut tx, &mut tenant, Some(change)).await?;
    }
    tx.commit_once(&tenant).await?;
    Ok(tenant)
}

/// The tenant of this reference, locked, if it is still the one the caller has seen.
pub(super) async fn lock(
    tx: &mut Tx,
    reference: &str,
    IfMatch(version): IfMatch,
) -> Result<Tenant, TenantError> {
    let found = tenants::find(tx.conn(), reference)
        .await?
        .ok_or(TenantError::NoTenant)?;
    let tenant = tenants::lock(tx.conn(), found.id)
        .await?
        .ok_or(TenantError::NoTenant)?;
    match version {
        Some(version) if version != tenant.version => Err(TenantError::Stale(tenant.version)),
        _ => Ok(tenant),
    }
}
