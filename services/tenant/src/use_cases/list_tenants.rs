//! The list of tenants.

use service::{Page, PlatformScope};
use tenancy::TenantStatus;

use super::TenantError;
use crate::{domain::Tenant, store::tenants};

/// One page of the tenants, newest first, and the number of all that match.
///
/// # Errors
/// [`TenantError::Store`].
pub async fn list_tenants(
    scope: &PlatformScope,
    status: Option<TenantStatus>,
    search: Option<&str>,
    page: Page,
) -> Result<(Vec<Tenant>, u64), TenantError> {
    let db = scope.read().await?;
    Ok(tenants::list(&db, status, search, page).await?)
}
