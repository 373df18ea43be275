//! The live feed over a WebSocket.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, get, web};
use auth::{AuthError, Caller, WEBSOCKET_PROTOCOL};
use serde::Deserialize;
use service::{Problem, Query};
use time::OffsetDateTime;
use tokio::time::Instant;
use utoipa::IntoParams;

use super::{token_expiry::token_expiry, views::LiveMessage};
use crate::{
    App,
    domain::{Audiences, Cursor},
    live::Socket,
};

/// The largest frame that a client may send, in bytes; frames of clients have no meaning to the service.
const MAX_FRAME_SIZE: usize = 1024;

/// Where to resume the live feed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FollowQuery {
    /// The cursor of the last message that was seen; without it the feed starts with the next message.
    cursor: Option<String>,
}

/// Follow the messages for the caller's user and for the tenant that the caller administers. Takes the token as
/// sub-protocols `bearer, <token>` or in the `Authorization` header. Sends the messages since `cursor`, then new ones as
/// they arrive; the socket is closed when the token expires.
#[utoipa::path(tag = "notifications", params(FollowQuery),
    responses((status = 101, body = LiveMessage, description = "one text frame per message"),
        (status = 400, body = Problem, description = "invalid cursor, or not a WebSocket handshake"),
        (status = 401, body = Problem), (status = 503, body = Problem)))]
#[get("/api/notifications/ws")]
pub async fn follow(
    caller: Caller,
    query: Query<FollowQuery>,
    request: HttpRequest,
    payload: web::Payload,
    app: web::Data<App>,
) -> Result<HttpResponse, actix_web::Error> {
    let from: Option<Cursor> = match &query.0.cursor {
        Some(text) => Some(
            text.parse()
                .map_err(|error: crate::domain::ParseCursorError| {
                    Problem::invalid("cursor", error.to_string())
                })?,
        ),
        None => None,
    };
    let lifetime = token_expiry(&request).ok_or(AuthError::Expired)? - OffsetDateTime::now_utc();
    let lifetime: Duration = lifetime.try_into().unwrap_or_default();
    let (answer, session, frames) =
        actix_ws::handle_with_protocols(&request, payload, &[WEBSOCKET_PROTOCOL])
            .map_err(|_| Problem::invalid("", "should be a WebSocket handshake"))?;
    let audiences = Audiences::of(&caller);
    let (reader, subscription) = app
        .live
        .subscribe(&app.runtime, audiences, from)
        .await
        .map_err(Problem::from)?;
    let socket = Socket {
        reader,
        subscription,
        session,
        frames: frames.max_frame_size(MAX_FRAME_SIZE),
        expires_at: Instant::now() + lifetime,
        stopping: app.runtime.stopping().clone(),
    };
    // The task ends with its connection, which the server closes first at shutdown.
    actix_web::rt::spawn(socket.run(app.runtime.platform_db()));
    Ok(answer)
}
