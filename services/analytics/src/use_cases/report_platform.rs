//! The figures of the platform.

use service::PlatformScope;

use super::ReportError;
use crate::{
    domain::{OrderTotals, PlatformReport},
    store::{logins, orders, tenants, users},
};

/// The figures over all tenants as of now.
///
/// # Errors
/// [`ReportError`].
pub async fn report_platform(platform: &PlatformScope) -> Result<PlatformReport, ReportError> {
    let mut conn = platform.read().await?;
    let orders = OrderTotals::of(orders::groups(&mut conn).await?)?;
    let (new_tenants, activated_tenants) = tenants::count(&mut conn).await?;
    let (logins, failed_logins) = logins::count(&mut conn).await?;
    Ok(PlatformReport {
        orders,
        active_users: users::count_active(&mut conn).await?,
        new_tenants,
        activated_tenants,
        users: users::count(&mut conn).await?,
        logins,
        failed_logins,
    })
}
