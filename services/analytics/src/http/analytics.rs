//! Reports on one tenant and on the platform.

use actix_web::get;
use auth::{PlatformAdmin, TenantAdmin};
use service::{ActiveTenant, Answer, PlatformScope, Problem};

use super::views::{PlatformView, Success, TenantView};
use crate::use_cases;

/// The report on a tenant. Requires the tenant's admin.
#[utoipa::path(tag = "analytics", params(("tenantCode" = String, Path)),
    responses((status = 200, body = Success<TenantView>), (status = "4XX", body = Problem)))]
#[get("/api/{tenantCode}/analytics")]
pub async fn of_tenant(
    _admin: TenantAdmin,
    tenant: ActiveTenant,
) -> Result<Answer<Success<TenantView>>, Problem> {
    let report = use_cases::report_tenant(&tenant).await?;
    Ok(Answer::ok(Success::new(report.into())))
}

/// The report over all tenants. Requires the platform admin.
#[utoipa::path(tag = "analytics",
    responses((status = 200, body = Success<PlatformView>), (status = "4XX", body = Problem)))]
#[get("/api/analytics")]
pub async fn of_platform(
    _admin: PlatformAdmin,
    platform: PlatformScope,
) -> Result<Answer<Success<PlatformView>>, Problem> {
    let report = use_cases::report_platform(&platform).await?;
    Ok(Answer::ok(Success::new(report.into())))
}
