//! Creation of a tenant.

use service::{Begun, Idempotency, PlatformScope};

use super::{TenantError, apply_changes::publish};
use crate::{
    App,
    domain::{Change, NewTenant, Tenant, least_loaded},
    store::{provisioning, tenants},
};

/// Stores a new tenant on a cluster of its region and enqueues the creation of its database.
///
/// # Errors
/// [`TenantError::CodeTaken`], [`TenantError::UnknownRegion`]; nothing was written.
pub async fn create_tenant(
    app: &App,
    scope: &PlatformScope,
    call: &Idempotency,
    request: NewTenant,
) -> Result<Tenant, TenantError> {
    let clusters = app
        .regions
        .get(&request.region)
        .ok_or_else(|| unknown_region(app, &request))?;
    let mut tx = match scope.begin_once(call, &request).await? {
        Begun::First(tx) => tx,
        Begun::Replayed(tenant) => return Ok(tenant),
    };
    let counts = tenants::count_by_cluster(&tx, clusters).await?;
    let cluster = least_loaded(clusters, &counts).ok_or_else(|| unknown_region(app, &request))?;

    let tenant = Tenant::create(request, cluster.clone(), tx.now());
    if !tenants::insert(&tx, &tenant).await? {
        return Err(TenantError::CodeTaken(tenant.code));
    }
    let correlation_id = tx.context().correlation_id;
    provisioning::insert(&tx, tenant.id, correlation_id).await?;
    publish(&mut tx, &tenant, Change::Created).await?;
    tx.commit_once(&tenant).await?;
    app.provisioning.wake();
    Ok(tenant)
}

fn unknown_region(app: &App, request: &NewTenant) -> TenantError {
    let known: Vec<&str> = app.regions.keys().map(tenancy::Region::as_str).collect();
    TenantError::UnknownRegion {
        region: request.region.clone(),
        known: known.join(", "),
    }
}
