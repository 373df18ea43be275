//! What can be subscribed to.

use actix_web::{HttpRequest, get};
use auth::Caller;
use serde::Deserialize;
use service::{Answer, Listing, Page, PlatformScope, Problem, Query};
use utoipa::IntoParams;

use super::views::PackageView;
use crate::use_cases;

/// Which page of a list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// The page, from 1.
    page: Option<u32>,
    /// Rows a page, 1 to 100.
    per_page: Option<u32>,
}

impl TryFrom<PageQuery> for Page {
    type Error = Problem;

    fn try_from(query: PageQuery) -> Result<Self, Problem> {
        Self::new(query.page, query.per_page)
    }
}

/// The packages, cheapest first. Everyone with a token.
#[utoipa::path(tag = "packages", params(PageQuery),
    responses((status = 200, body = Listing<PackageView>), (status = "4XX", body = Problem)))]
#[get("/api/billing/packages")]
pub async fn list(
    _caller: Caller,
    platform: PlatformScope,
    query: Query<PageQuery>,
    request: HttpRequest,
) -> Result<Answer<Listing<PackageView>>, Problem> {
    let page = query.0.try_into()?;
    let (packages, total) = use_cases::list_packages(&platform, page).await?;
    let views = packages.into_iter().map(PackageView::from).collect();
    Ok(Answer::ok(Listing::new(&request, page, views, total)))
}
