//! Reports on one tenant.

use service::TenantScope;

use super::ReportError;
use crate::{
    domain::{OrderTotals, TenantReport},
    store::orders,
};

/// The tenant's current report.
///
/// # Errors
/// [`ReportError`].
pub async fn report_tenant(tenant: &TenantScope) -> Result<TenantReport, ReportError> {
    let db = tenant.read().await?;
    Ok(TenantReport {
        orders: OrderTotals::from_groups(orders::groups(&db).await?)?,
        active_users: orders::count_buyers(&db).await?,
    })
}
