//! The live feed over a WebSocket.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, get, web};
use auth::{AuthError, Caller, WEBSOCKET_PROTOCOL};
use serde::Deserialize;
use service::{Problem, Query};
use time::OffsetDateTime;
use tokio::time::Instant;
use utoipa::IntoParams;

use super::{token_end::token_end, views::LiveMessage};
use crate::{
    App,
    domain::{Audiences, Cursor},
    live::Socket,
};

/// The largest frame a client may send, in bytes: nothing that it says is read.
const LARGEST_FRAME: usize = 1024;

/// From where to follow.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FollowQuery {
    /// The cursor of the last message that was seen; without one it starts at now.
    cursor: Option<String>,
}

/// Follow what one's own user, and the tenant that one administers, are told. The token as sub-protocols
/// `bearer, <token>` or in the `Authorization` header. First comes what was missed since `cursor`, then what happens;
/// the socket ends with the token.
#[utoipa::path(tag = "notifications", params(FollowQuery),
    responses((status = 101, body = LiveMessage, description = "a text frame for each message"),
        (status = 400, body = Problem, description = "no such cursor, or no WebSocket"),
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
        Some(text) => Some(text.parse().map_err(|error: crate::domain::BadCursor| {
            Problem::invalid("cursor", error.to_string())
        })?),
        None => None,
    };
    let left = token_end(&request).ok_or(AuthError::Expired)? - OffsetDateTime::now_utc();
    let left: Duration = left.try_into().unwrap_or_default();
    let (answer, session, frames) =
        actix_ws::handle_with_protocols(&request, payload, &[WEBSOCKET_PROTOCOL])
            .map_err(|_| Problem::invalid("", "this path speaks WebSocket only"))?;
    let audiences = Audiences::of(&caller);
    let (reader, membership) = app
        .live
        .join(&app.runtime, audiences, from)
        .await
        .map_err(Problem::from)?;
    let socket = Socket {
        reader,
        membership,
        session,
        frames: frames.max_frame_size(LARGEST_FRAME),
        ends: Instant::now() + left,
        stopping: app.runtime.stopping().clone(),
    };
    // Ends with its connection, which the server closes before anything else.
    actix_web::rt::spawn(socket.run(app.runtime.platform_db()));
    Ok(answer)
}
