//! A user's own notices.

use actix_web::{HttpRequest, get, post, web};
use auth::Caller;
use service::{Answer, ListQuery, Listing, PageParams, PlatformScope, Problem};
use uuid::Uuid;

use super::views::NoticeView;
use crate::{domain::NoticeId, use_cases};

/// The caller's own notices, newest first.
#[utoipa::path(tag = "notifications", params(PageParams),
    responses((status = 200, body = Listing<NoticeView>), (status = "4XX", body = Problem)))]
#[get("/api/notifications")]
pub async fn list(
    caller: Caller,
    db: PlatformScope,
    ListQuery { page, .. }: ListQuery,
    request: HttpRequest,
) -> Result<Answer<Listing<NoticeView>>, Problem> {
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
