//! Reports on the platform.

use service::PlatformScope;

use super::ReportError;
use crate::{
    domain::{OrderTotals, PlatformReport},
    store::{logins, orders, tenants, users},
};

/// The current report over all tenants.
///
/// # Errors
/// [`ReportError`].
pub async fn report_platform(platform: &PlatformScope) -> Result<PlatformReport, ReportError> {
    let db = platform.read().await?;
    let orders = OrderTotals::from_groups(orders::groups(&db).await?)?;
    let tenants = tenants::count(&db).await?;
    let logins = logins::count(&db).await?;
    Ok(PlatformReport {
        orders,
        active_users: users::count_active(&db).await?,
        new_tenants: tenants.created,
        activated_tenants: tenants.activated,
        users: users::count(&db).await?,
        logins: logins.succeeded,
        failed_logins: logins.failed,
    })
}
