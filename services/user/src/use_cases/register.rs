//! A customer comes.

use service::PlatformScope;

use super::UserError;
use crate::{
    domain::{EmailAddress, NewPassword, Standing, User, UserName},
    passwords::Passwords,
    store::users,
};

/// Who wants an account.
#[derive(Debug)]
pub struct Registration {
    /// The address to log in with.
    pub email: EmailAddress,
    /// The chosen password.
    pub password: NewPassword,
    /// The name.
    pub name: UserName,
}

/// Makes a customer's account.
///
/// # Errors
/// `EmailTaken`; `WeakPassword` if it is the address; `Passwords` when too many are being hashed.
pub async fn register(
    db: &PlatformScope,
    passwords: &Passwords,
    registration: Registration,
) -> Result<User, UserError> {
    let Registration {
        email,
        password,
        name,
    } = registration;
    password
        .allowed_for(&email)
        .map_err(|cause| UserError::WeakPassword {
            field: "password",
            cause,
        })?;
    let hash = passwords.hash(password).await?;
    let mut tx = db.begin().await?;
    let user = User::new(email, name, Standing::Customer, tx.now());
    if !users::insert(&tx, &user, Some(&hash)).await? {
        return Err(UserError::EmailTaken);
    }
    tx.on_behalf_of(user.id);
    tx.publish(user.id, 1, &user.registered()).await?;
    tx.commit().await?;
    Ok(user)
}
