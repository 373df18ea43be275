//! A user has read a notice.

use auth::UserId;
use service::PlatformScope;

use super::NotificationError;
use crate::{
    domain::NoticeId,
    store::feed::{self, OwnNotice},
};

/// Notes that the user has read it. Said again, it changes nothing.
///
/// # Errors
/// [`NotificationError::NoNotice`]: no such notice among the user's own.
pub async fn read_notice(
    db: &PlatformScope,
    user: UserId,
    id: NoticeId,
) -> Result<OwnNotice, NotificationError> {
    let tx = db.begin().await?;
    let now = tx.now();
    let notice = feed::mark_read(&tx, user, id, now)
        .await?
        .ok_or(NotificationError::NoNotice)?;
    tx.commit().await?;
    Ok(notice)
}
