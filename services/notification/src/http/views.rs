//! Response bodies.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::{
    domain::{FeedMessage, NotificationId},
    store::feed::UserNotification,
};

/// A notification of the caller.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationView {
    id: NotificationId,
    #[serde(flatten)]
    message: FeedMessage,
    /// When the user first read it.
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    read_at: Option<OffsetDateTime>,
}

impl From<UserNotification> for NotificationView {
    fn from(notification: UserNotification) -> Self {
        let message = FeedMessage {
            kind: notification.kind,
            tenant_code: notification.tenant_code,
            data: notification.data,
            time: notification.time,
        };
        Self {
            id: notification.id,
            message,
            read_at: notification.read_at,
        }
    }
}

/// A message of the live feed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveMessage {
    /// The client's cursor after this message; `?cursor=` resumes after it.
    cursor: String,
    #[serde(flatten)]
    message: FeedMessage,
}
