//! Somebody logs in.

use auth::{IssuedToken, Issuer};
use events::user::UserLoginFailed;
use service::PlatformScope;
use tenancy::{Directory, TenantStatus};

use super::UserError;
use crate::{
    domain::{EmailAddress, GivenPassword, User},
    passwords::Passwords,
    store::users,
};

/// Checks the password and signs an access token. What happened is published either way.
///
/// # Errors
/// `WrongCredentials`, after the same work whether or not the address is known; `TenantSuspended`; `Passwords` when too
/// many are being checked.
pub async fn log_in(
    db: &PlatformScope,
    passwords: &Passwords,
    directory: &Directory,
    issuer: &Issuer,
    email: EmailAddress,
    password: GivenPassword,
) -> Result<IssuedToken, UserError> {
    // The connection goes back before the slow part.
    let account = users::by_email(&db.read().await?, &email).await?;
    let (user, stored) = account.map_or((None, None), |account| {
        (Some(account.user), account.password)
    });
    let right = passwords.matches(password, stored).await?;
    let user = match user {
        Some(user) if right => user,
        user => {
            fail(db, user.as_ref(), &email, "wrong_credentials").await?;
            return Err(UserError::WrongCredentials);
        }
    };
    if is_shut_out(directory, &user).await {
        fail(db, Some(&user), &email, "tenant_suspended").await?;
        return Err(UserError::TenantSuspended);
    }
    let token = issuer.issue(&user.caller())?;
    let mut tx = db.begin().await?;
    tx.on_behalf_of(user.id);
    tx.publish(user.id, 0, &user.logged_in()).await?;
    tx.commit().await?;
    Ok(token)
}

/// Whether the user's tenant is suspended or deleted. Where that cannot be found out, every other service still will.
async fn is_shut_out(directory: &Directory, user: &User) -> bool {
    let Some(tenant) = user.standing.tenant() else {
        return false;
    };
    match directory.by_id(tenant.id).await {
        Ok(found) => found.is_some_and(|tenant| {
            matches!(
                tenant.status,
                TenantStatus::Suspended | TenantStatus::Deleted
            )
        }),
        Err(error) => {
            tracing::warn!(%error, tenant = %tenant.id, "logging in without a look at the tenant's status");
            false
        }
    }
}

async fn fail(
    db: &PlatformScope,
    user: Option<&User>,
    email: &EmailAddress,
    reason: &str,
) -> Result<(), UserError> {
    let user_id = user.map(|user| user.id.as_uuid());
    let event = UserLoginFailed {
        user_id,
        reason: reason.to_owned(),
    };
    let mut tx = db.begin().await?;
    tx.publish(user_id.unwrap_or_else(|| email.pseudonym()), 0, &event)
        .await?;
    Ok(tx.commit().await?)
}
