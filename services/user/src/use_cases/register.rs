//! Registration of customers.

use service::PlatformScope;

use super::UserError;
use crate::{
    domain::{EmailAddress, Membership, NewPassword, User, UserName},
    password_hasher::PasswordHasher,
    store::users,
};

/// A request for a customer account.
#[derive(Debug)]
pub struct Registration {
    /// The address to log in with.
    pub email: EmailAddress,
    /// The chosen password.
    pub password: NewPassword,
    /// The display name.
    pub name: UserName,
}

/// Creates a customer's account.
///
/// # Errors
/// `EmailTaken`; `WeakPassword` if the password is the address; `Hashing` when the hasher's queue is full.
pub async fn register(
    db: &PlatformScope,
    hasher: &PasswordHasher,
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
    let hash = hasher.hash(password).await?;
    let mut tx = db.begin().await?;
    let user = User::new(email, name, Membership::Customer, tx.now());
    if !users::insert(&tx, &user, Some(&hash)).await? {
        return Err(UserError::EmailTaken);
    }
    tx.on_behalf_of(user.id);
    tx.publish(user.id, 1, &user.registered()).await?;
    tx.commit().await?;
    Ok(user)
}
