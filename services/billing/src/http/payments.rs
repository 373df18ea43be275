//! The payments of a tenant's orders.

use actix_web::{HttpRequest, get};
use auth::TenantAdmin;
use service::{ActiveTenant, Answer, ListQuery, Listing, PageParams, Problem};

use super::views::PaymentView;
use crate::use_cases;

/// The payments of the tenant's orders, newest first. Requires the tenant's admin.
#[utoipa::path(tag = "payments", params(("tenantCode" = String, Path), PageParams),
    responses((status = 200, body = Listing<PaymentView>), (status = "4XX", body = Problem)))]
#[get("/api/{tenantCode}/billing/payments")]
pub async fn list(
    _admin: TenantAdmin,
    tenant: ActiveTenant,
    query: ListQuery,
    request: HttpRequest,
) -> Result<Answer<Listing<PaymentView>>, Problem> {
    let (payments, total) = use_cases::list_payments(&tenant, query.page).await?;
    let views = payments.into_iter().map(PaymentView::from).collect();
    Ok(Answer::ok(Listing::new(&request, query.page, views, total)))
}
