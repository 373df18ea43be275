//! Setting a password with the secret of a mail.

use events::user::UserPasswordReset;
use service::PlatformScope;

use super::UserError;
use crate::{
    domain::{NewPassword, Secret},
    passwords::Passwords,
    store::{password_tokens, users},
};

/// Sets the password of whoever the secret was sent to. The secret, and every other of theirs, is used up.
///
/// # Errors
/// `TokenNotGood` for a secret that is unknown, used or too old; `WeakPassword` if it is the address.
pub async fn reset_password(
    db: &PlatformScope,
    passwords: &Passwords,
    secret: &Secret,
    password: NewPassword,
) -> Result<(), UserError> {
    let secret = secret.hash();
    // A look first: nobody makes us hash without a good secret.
    let tx = db.begin().await?;
    let account = users::lock_by_secret(&tx, &secret)
        .await?
        .ok_or(UserError::TokenNotGood)?;
    drop(tx);
    password
        .allowed_for(&account.user.email)
        .map_err(|cause| UserError::WeakPassword {
            field: "newPassword",
            cause,
        })?;
    let hash = passwords.hash(password).await?;

    let mut tx = db.begin().await?;
    let mut user = users::lock_by_secret(&tx, &secret)
        .await?
        .ok_or(UserError::TokenNotGood)?
        .user;
    let now = tx.now();
    if !password_tokens::is_valid(&tx, user.id, &secret, now).await? {
        return Err(UserError::TokenNotGood);
    }
    password_tokens::delete_all(&tx, user.id).await?;
    user.version += 1;
    user.updated_at = now;
    users::set_password(&tx, &user, &hash).await?;
    tx.on_behalf_of(user.id);
    tx.publish(
        user.id,
        user.version.unsigned_abs(),
        &UserPasswordReset {
            user_id: user.id.as_uuid(),
        },
    )
    .await?;
    Ok(tx.commit().await?)
}
