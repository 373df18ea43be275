//! The first user of all.

use auth::Role;
use service::PlatformScope;

use super::UserError;
use crate::{
    domain::{EmailAddress, Made, NewPassword, Standing, User, UserName},
    passwords::Passwords,
    store::users,
};

/// Who runs the platform.
pub struct Landlord {
    /// The address.
    pub email: EmailAddress,
    /// The first password.
    pub password: NewPassword,
}

/// Makes the landlord unless there is one by this address, whose password stays as it is. Replicas that start together
/// make one.
///
/// # Errors
/// `EmailTaken`: the address belongs to somebody who is not a platform admin.
pub async fn ensure_landlord(
    db: &PlatformScope,
    passwords: &Passwords,
    landlord: Landlord,
) -> Result<(), UserError> {
    let Landlord { email, password } = landlord;
    if let Some(account) = users::by_email(&db.read().await?, &email).await? {
        return is_landlord(&account.user);
    }
    let hash = passwords.hash(password).await?;
    let mut tx = db.begin().await?;
    let name = UserName::try_from("Landlord".to_owned()).map_err(|_| UserError::NoUser)?;
    let user = User::new(email, name, Standing::PlatformAdmin, tx.now());
    if users::insert(&tx, &user, Some(&hash)).await? {
        tx.publish(user.id, 1, &user.created(Made::WithPassword))
            .await?;
        tx.commit().await?;
        return Ok(());
    }
    let other = users::by_email(&tx, &user.email)
        .await?
        .ok_or(UserError::NoUser)?;
    is_landlord(&other.user)
}

fn is_landlord(user: &User) -> Result<(), UserError> {
    if user.standing.role() == Role::PlatformAdmin {
        Ok(())
    } else {
        Err(UserError::EmailTaken)
    }
}
