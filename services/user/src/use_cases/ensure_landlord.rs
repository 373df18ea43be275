//! Creation of the first platform admin on start.

use auth::Role;
use service::PlatformScope;

use super::UserError;
use crate::{
    domain::{EmailAddress, InitialCredential, Membership, NewPassword, User, UserName},
    password_hasher::PasswordHasher,
    store::users,
};

/// The first platform admin, as the settings name them.
pub struct Landlord {
    /// The address to log in with.
    pub email: EmailAddress,
    /// The initial password.
    pub password: NewPassword,
}

/// Creates the landlord's account unless it exists; an existing account keeps its password. Replicas that start at the
/// same time create one account.
///
/// # Errors
/// `EmailTaken`: the address belongs to a user who is not a platform admin.
pub async fn ensure_landlord(
    db: &PlatformScope,
    hasher: &PasswordHasher,
    landlord: Landlord,
) -> Result<(), UserError> {
    let Landlord { email, password } = landlord;
    if let Some(account) = users::by_email(&db.read().await?, &email).await? {
        return check_role(&account.user);
    }
    let hash = hasher.hash(password).await?;
    let mut tx = db.begin().await?;
    let name = UserName::try_from("Landlord".to_owned()).map_err(|_| UserError::UserNotFound)?;
    let user = User::new(email, name, Membership::PlatformAdmin, tx.now());
    if users::insert(&tx, &user, Some(&hash)).await? {
        tx.publish(user.id, 1, &user.created(InitialCredential::Password))
            .await?;
        tx.commit().await?;
        return Ok(());
    }
    let existing = users::by_email(&tx, &user.email)
        .await?
        .ok_or(UserError::UserNotFound)?;
    check_role(&existing.user)
}

fn check_role(user: &User) -> Result<(), UserError> {
    if user.membership.role() == Role::PlatformAdmin {
        Ok(())
    } else {
        Err(UserError::EmailTaken)
    }
}
