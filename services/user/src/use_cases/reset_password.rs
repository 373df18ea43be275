//! Setting a password with the token from an e-mail.

use events::user::UserPasswordReset;
use service::PlatformScope;

use super::UserError;
use crate::{
    domain::{NewPassword, Secret},
    password_hasher::PasswordHasher,
    store::{password_tokens, users},
};

/// Sets the password of the user that the secret was sent to. All tokens of that user are deleted.
///
/// # Errors
/// `InvalidToken` if the secret is unknown, used or has expired; `WeakPassword` if the password is the address.
pub async fn reset_password(
    db: &PlatformScope,
    hasher: &PasswordHasher,
    secret: &Secret,
    password: NewPassword,
) -> Result<(), UserError> {
    let secret = secret.hash();
    // Checked before hashing, so that an unknown secret causes no expensive work.
    let tx = db.begin().await?;
    let account = users::lock_by_secret(&tx, &secret)
        .await?
        .ok_or(UserError::InvalidToken)?;
    drop(tx);
    password
        .allowed_for(&account.user.email)
        .map_err(|cause| UserError::WeakPassword {
            field: "newPassword",
            cause,
        })?;
    let hash = hasher.hash(password).await?;

    let mut tx = db.begin().await?;
    let mut user = users::lock_by_secret(&tx, &secret)
        .await?
        .ok_or(UserError::InvalidToken)?
        .user;
    let now = tx.now();
    if !password_tokens::is_valid(&tx, user.id, &secret, now).await? {
        return Err(UserError::InvalidToken);
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
