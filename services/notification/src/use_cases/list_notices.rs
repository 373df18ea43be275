//! A user's own notices.

use auth::UserId;
use service::{Page, PlatformScope};

use super::NotificationError;
use crate::store::feed::{self, OwnNotice};

/// One page of what the user was told, newest first, and how many there are in all.
///
/// # Errors
/// [`NotificationError::Store`].
pub async fn list_notices(
    db: &PlatformScope,
    user: UserId,
    page: Page,
) -> Result<(Vec<OwnNotice>, u64), NotificationError> {
    Ok(feed::page(&db.read().await?, user, page).await?)
}
