//! A tenant's subscription.

use actix_web::get;
use auth::TenantAdmin;
use service::{ActiveTenant, Answer, PlatformScope, Problem};
use time::OffsetDateTime;

use super::views::SubscriptionView;
use crate::use_cases;

/// The tenant's subscription. Requires the tenant's admin.
#[utoipa::path(tag = "subscriptions", params(("tenantCode" = String, Path)),
    responses((status = 200, body = SubscriptionView), (status = "4XX", body = Problem)))]
#[get("/api/{tenantCode}/billing/subscription")]
pub async fn read(
    _admin: TenantAdmin,
    tenant: ActiveTenant,
    platform: PlatformScope,
) -> Result<Answer<SubscriptionView>, Problem> {
    let subscription = use_cases::read_subscription(&platform, tenant.tenant().id).await?;
    let now = OffsetDateTime::now_utc();
    Ok(Answer::ok(SubscriptionView::at(now, subscription)))
}
