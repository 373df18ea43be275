//! Suspension of a tenant.

use serde::Serialize;
use service::{Begun, Idempotency, IfMatch, PlatformScope, Tx};

use super::{TenantError, apply_changes::apply_changes};
use crate::{domain::Tenant, store::tenants};

#[derive(Serialize)]
struct Request<'a> {
    reference: &'a str,
    reason: &'a Option<String>,
}

/// Suspends the tenant: every service refuses it within a second. Idempotent.
///
/// # Errors
/// [`TenantError::NotFound`], [`TenantError::Transition`] if it is not active, [`TenantError::Stale`].
pub async fn suspend_tenant(
    scope: &PlatformScope,
    call: &Idempotency,
    reference: &str,
    version: IfMatch,
    reason: Option<String>,
) -> Result<Tenant, TenantError> {
    let request = Request {
        reference,
        reason: &reason,
    };
    let mut tx = match scope.begin_once(call, &request).await? {
        Begun::First(tx) => tx,
        Begun::Replayed(tenant) => return Ok(tenant),
    };
    let mut tenant = lock(&tx, reference, version).await?;
    if let Some(change) = tenant.suspend(reason)? {
        apply_changes(&mut tx, &mut tenant, Some(change)).await?;
    }
    tx.commit_once(&tenant).await?;
    Ok(tenant)
}

/// Finds and locks the tenant, which must be at the version of `If-Match`, if there is one.
pub(super) async fn lock(
    tx: &Tx,
    reference: &str,
    IfMatch(version): IfMatch,
) -> Result<Tenant, TenantError> {
    let found = tenants::find(tx, reference)
        .await?
        .ok_or(TenantError::NotFound)?;
    let tenant = tenants::lock(tx, found.id)
        .await?
        .ok_or(TenantError::NotFound)?;
    match version {
        Some(version) if version != tenant.version => Err(TenantError::Stale(tenant.version)),
        _ => Ok(tenant),
    }
}
