//! A user's own notices.

use actix_web::{HttpRequest, get, post, web};
use auth::Caller;
use serde::Deserialize;
use service::{Answer, Listing, Page, PlatformScope, Problem, Query};
use utoipa::IntoParams;
use uuid::Uuid;

use super::views::NoticeView;
use crate::{domain::NoticeId, use_cases};

/// Which page of one's notices.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OwnQuery {
    /// The page, from 1.
    page: Option<u32>,
    /// Rows a page, 1 to 100.
    per_page: Option<u32>,
}

/// The caller's own notices, newest first.
#[utoipa::path(tag = "notifications", params(OwnQuery),
    responses((status = 200, body = Listing<NoticeView>), (status = "4XX", body = Problem)))]
#[get("/api/notifications")]
pub async fn list(
    caller: Caller,
    db: PlatformScope,
    query: Query<OwnQuery>,
    request: HttpRequest,
) -> Result<Answer<Listing<NoticeView>>, Problem> {
    let page = Page::new(query.0.page, query.0.per_page)?;
    let (notices, total) = use_cases::list_notices(&db, caller.user_id, page).await?;
    let views = notices.into_iter().map(NoticeView::from).collect();
    Ok(Answer::ok(Listing::new(&request, page, views, total)))
}

/// Note that a notice was read. Its owner; said again, it changes nothing.
#[utoipa::path(tag = "notifications", params(("id" = Uuid, Path)),
    responses((status = 200, body = NoticeView), (status = 404, body = Problem), (status = "4XX", body = Problem)))]
#[post("/api/notifications/{id}/read")]
pub async fn read(
    caller: Caller,
    db: PlatformScope,
    path: web::Path<Uuid>,
) -> Result<Answer<NoticeView>, Problem> {
    let notice = use_cases::read_notice(&db, caller.user_id, NoticeId(*path)).await?;
    Ok(Answer::ok(notice.into()))
}
