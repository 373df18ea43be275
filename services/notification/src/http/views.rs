//! Bodies: what clients see.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::{
    domain::{Message, NoticeId},
    store::feed::OwnNotice,
};

/// A notice of one's own.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NoticeView {
    id: NoticeId,
    #[serde(flatten)]
    message: Message,
    /// When it was first read.
    #[serde(
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    read_at: Option<OffsetDateTime>,
}

impl From<OwnNotice> for NoticeView {
    fn from(notice: OwnNotice) -> Self {
        let message = Message {
            kind: notice.kind,
            tenant_code: notice.tenant_code,
            data: notice.data,
            time: notice.time,
        };
        Self {
            id: notice.id,
            message,
            read_at: notice.read_at,
        }
    }
}

/// A message on the socket.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveMessage {
    /// Where the client is after it; sent back as `?cursor=` it brings what came later.
    cursor: String,
    #[serde(flatten)]
    message: Message,
}
