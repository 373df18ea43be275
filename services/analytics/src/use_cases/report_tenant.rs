//! The figures of one tenant.

use service::TenantScope;

use super::ReportError;
use crate::{
    domain::{OrderTotals, TenantReport},
    store::orders,
};

/// The tenant's figures as of now.
///
/// # Errors
/// [`ReportError`].
pub async fn report_tenant(tenant: &TenantScope) -> Result<TenantReport, ReportError> {
    let mut conn = tenant.read().await?;
    Ok(TenantReport {
        orders: OrderTotals::of(orders::groups(&mut conn).await?)?,
        active_users: orders::count_buyers(&mut conn).await?,
    })
}
