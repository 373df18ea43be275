//! Looking over the tenants.

use service::{Page, PlatformScope};
use tenancy::TenantStatus;

use super::TenantError;
use crate::{domain::Tenant, store::tenants};

/// One page of the tenants, the newest first, and how many there are in all.
///
/// # Errors
/// The database failed.
pub async fn list_tenants(
    scope: &PlatformScope,
    status: Option<TenantStatus>,
    search: Option<&str>,
    page: Page,
) -> Result<(Vec<Tenant>, i64), TenantError> {
    let mut conn = scope.read().await?;
    Ok(tenants::list(&mut conn, status, search, page).await?)
}
