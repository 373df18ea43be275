//! Records a new user.

use auth::UserId;
use service::{StoreError, Tx};
use time::OffsetDateTime;

use crate::store::users;

/// Records when a user registered or was created. The earliest time is kept.
///
/// # Errors
/// [`StoreError`].
pub async fn record_user(tx: &mut Tx, user: UserId, at: OffsetDateTime) -> Result<(), StoreError> {
    users::record(tx, user, at).await
}
