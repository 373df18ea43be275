//! Marks a notification as read.

use auth::UserId;
use service::PlatformScope;

use super::NotificationError;
use crate::{
    domain::NotificationId,
    store::feed::{self, UserNotification},
};

/// Records that the user has read the notification. Idempotent: the first time of reading stays.
///
/// # Errors
/// [`NotificationError::NotFound`]: the user has no such notification.
pub async fn mark_notification_read(
    db: &PlatformScope,
    user: UserId,
    id: NotificationId,
) -> Result<UserNotification, NotificationError> {
    let tx = db.begin().await?;
    let now = tx.now();
    let notification = feed::mark_read(&tx, user, id, now)
        .await?
        .ok_or(NotificationError::NotFound)?;
    tx.commit().await?;
    Ok(notification)
}
