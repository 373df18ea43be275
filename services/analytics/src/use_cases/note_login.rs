//! Somebody logged in, or tried to.

use service::{StoreError, Tx};

use crate::{domain::Login, store::logins};

/// Notes a login.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn note_login(tx: &mut Tx, login: &Login) -> Result<(), StoreError> {
    logins::note(tx.conn(), login).await
}
