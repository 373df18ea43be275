//! Asking for a new tenant.

use service::{Begun, Idempotency, PlatformScope};

use super::{TenantError, record::publish};
use crate::{
    App,
    domain::{Change, Draft, Tenant, least_filled},
    store::{provisioning, tenants},
};

/// Writes the tenant down, places it, and has its database made behind the answer.
///
/// # Errors
/// [`TenantError::CodeTaken`], [`TenantError::NoRegion`]; nothing was written.
pub async fn create_tenant(
    app: &App,
    scope: &PlatformScope,
    call: &Idempotency,
    draft: Draft,
) -> Result<Tenant, TenantError> {
    let clusters = app
        .regions
        .get(&draft.region)
        .ok_or_else(|| no_region(app, &draft))?;
    let mut tx = match scope.begin_once(call, &draft).await? {
        Begun::First(tx) => tx,
        Begun::Replayed(tenant) => return Ok(tenant),
    };
    let tenants_on = tenants::count_by_cluster(tx.conn(), clusters).await?;
    let cluster = least_filled(clusters, &tenants_on).ok_or_else(|| no_region(app, &draft))?;

    let tenant = Tenant::create(draft, cluster.clone(), tx.now());
    if !tenants::insert(tx.conn(), &tenant).await? {
        return Err(TenantError::CodeTaken(tenant.code));
    }
    let correlation_id = tx.context().correlation_id;
    provisioning::insert(tx.conn(), tenant.id, correlation_id).await?;
    publish(&mut tx, &tenant, Change::Created).await?;
    tx.commit_once(&tenant).await?;
    app.provisioning.notify_one();
    Ok(tenant)
}

fn no_region(app: &App, draft: &Draft) -> TenantError {
    let known: Vec<&str> = app.regions.keys().map(tenancy::Region::as_str).collect();
    TenantError::NoRegion {
        region: draft.region.clone(),
        known: known.join(", "),
    }
}
