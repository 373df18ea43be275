//! The packages that tenants can subscribe to.

use actix_web::{HttpRequest, get};
use auth::Caller;
use service::{Answer, ListQuery, Listing, PageParams, PlatformScope, Problem};

use super::views::PackageView;
use crate::use_cases;

/// The packages in ascending order of price. Requires a token.
#[utoipa::path(tag = "packages", params(PageParams),
    responses((status = 200, body = Listing<PackageView>), (status = "4XX", body = Problem)))]
#[get("/api/billing/packages")]
pub async fn list(
    _caller: Caller,
    platform: PlatformScope,
    query: ListQuery,
    request: HttpRequest,
) -> Result<Answer<Listing<PackageView>>, Problem> {
    let (packages, total) = use_cases::list_packages(&platform, query.page).await?;
    let views = packages.into_iter().map(PackageView::from).collect();
    Ok(Answer::ok(Listing::new(&request, query.page, views, total)))
}
