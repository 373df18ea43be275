//! A user's own notifications.

use actix_web::{HttpRequest, get, post, web};
use auth::Caller;
use service::{Answer, ListQuery, Listing, PageParams, PlatformScope, Problem};
use uuid::Uuid;

use super::views::NotificationView;
use crate::{domain::NotificationId, use_cases};

/// The caller's own notifications, newest first.
#[utoipa::path(tag = "notifications", params(PageParams),
    responses((status = 200, body = Listing<NotificationView>), (status = "4XX", body = Problem)))]
#[get("/api/notifications")]
pub async fn list(
    caller: Caller,
    db: PlatformScope,
    ListQuery { page, .. }: ListQuery,
    request: HttpRequest,
) -> Result<Answer<Listing<NotificationView>>, Problem> {
    let (notifications, total) = use_cases::list_notifications(&db, caller.user_id, page).await?;
    let views = notifications
        .into_iter()
        .map(NotificationView::from)
        .collect();
    Ok(Answer::ok(Listing::new(&request, page, views, total)))
}

/// Mark a notification as read. Its owner only; idempotent.
#[utoipa::path(tag = "notifications", params(("id" = Uuid, Path)),
    responses((status = 200, body = NotificationView), (status = 404, body = Problem), (status = "4XX", body = Problem)))]
#[post("/api/notifications/{id}/read")]
pub async fn read(
    caller: Caller,
    db: PlatformScope,
    path: web::Path<Uuid>,
) -> Result<Answer<NotificationView>, Problem> {
    let notification =
        use_cases::mark_notification_read(&db, caller.user_id, NotificationId(*path)).await?;
    Ok(Answer::ok(notification.into()))
}
