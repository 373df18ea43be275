//! A user came.

use auth::UserId;
use service::{StoreError, Tx};
use time::OffsetDateTime;

use crate::store::users;

/// Notes that there is this user, registered or made.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn note_user(tx: &mut Tx, user: UserId, at: OffsetDateTime) -> Result<(), StoreError> {
    users::note(tx.conn(), user, at).await
}
