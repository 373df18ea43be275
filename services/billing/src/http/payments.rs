//! What a tenant was paid.

use actix_web::{HttpRequest, get};
use auth::TenantAdmin;
use service::{ActiveTenant, Answer, Listing, Problem, Query};

use super::{packages::PageQuery, views::PaymentView};
use crate::use_cases;

/// The payments of the tenant's orders, newest first. The tenant's admin.
#[utoipa::path(tag = "payments", params(("tenantCode" = String, Path), PageQuery),
    responses((status = 200, body = Listing<PaymentView>), (status = "4XX", body = Problem)))]
#[get("/api/{tenantCode}/billing/payments")]
pub async fn list(
    _admin: TenantAdmin,
    tenant: ActiveTenant,
    query: Query<PageQuery>,
    request: HttpRequest,
) -> Result<Answer<Listing<PaymentView>>, Problem> {
    let page = query.0.try_into()?;
    let (payments, total) = use_cases::list_payments(&tenant, page).await?;
    let views = payments.into_iter().map(PaymentView::from).collect();
    Ok(Answer::ok(Listing::new(&request, page, views, total)))
}
