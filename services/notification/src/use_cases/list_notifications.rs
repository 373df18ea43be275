//! Lists a user's own notifications.

use auth::UserId;
use service::{Page, PlatformScope};

use super::NotificationError;
use crate::store::feed::{self, UserNotification};

/// One page of the user's notifications, newest first, and how many there are in all.
///
/// # Errors
/// [`NotificationError::Store`].
pub async fn list_notifications(
    db: &PlatformScope,
    user: UserId,
    page: Page,
) -> Result<(Vec<UserNotification>, u64), NotificationError> {
    Ok(feed::page(&db.read().await?, user, page).await?)
}
