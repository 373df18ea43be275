//! Records a login attempt.

use service::{StoreError, Tx};

use crate::{domain::LoginAttempt, store::logins};

/// Records a login attempt. Idempotent.
///
/// # Errors
/// [`StoreError`].
pub async fn record_login(tx: &mut Tx, attempt: &LoginAttempt) -> Result<(), StoreError> {
    logins::insert_if_new(tx, attempt).await
}
