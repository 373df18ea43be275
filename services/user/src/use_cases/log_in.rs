//! Login with e-mail address and password.

use auth::{IssuedToken, Issuer};
use events::user::UserLoginFailed;
use service::PlatformScope;
use tenancy::{Directory, TenantStatus};

use super::UserError;
use crate::{
    domain::{EmailAddress, SubmittedPassword, User},
    password_hasher::PasswordHasher,
    store::users,
};

/// Verifies the password and issues an access token. Successful and failed logins are published.
///
/// # Errors
/// `WrongCredentials`, after the same work whether or not the address is known; `TenantSuspended`; `Hashing` when the
/// hasher's queue is full.
pub async fn log_in(
    db: &PlatformScope,
    hasher: &PasswordHasher,
    directory: &Directory,
    issuer: &Issuer,
    email: EmailAddress,
    password: SubmittedPassword,
) -> Result<IssuedToken, UserError> {
    // The connection returns to the pool before the slow verification.
    let account = users::by_email(&db.read().await?, &email).await?;
    let (user, stored) = account.map_or((None, None), |account| {
        (Some(account.user), account.password)
    });
    let matches = hasher.verify(password, stored).await?;
    let user = match user {
        Some(user) if matches => user,
        user => {
            publish_failure(db, user.as_ref(), &email, "wrong_credentials").await?;
            return Err(UserError::WrongCredentials);
        }
    };
    if is_tenant_blocked(directory, &user).await {
        publish_failure(db, Some(&user), &email, "tenant_suspended").await?;
        return Err(UserError::TenantSuspended);
    }
    let token = issuer.issue(&user.caller())?;
    let mut tx = db.begin().await?;
    tx.on_behalf_of(user.id);
    tx.publish(user.id, 0, &user.logged_in()).await?;
    tx.commit().await?;
    Ok(token)
}

/// Whether the user's tenant is suspended or deleted. If the directory is unavailable the login proceeds: every service
/// checks the tenant's status again on each request.
async fn is_tenant_blocked(directory: &Directory, user: &User) -> bool {
    let Some(tenant) = user.membership.tenant() else {
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
            tracing::warn!(%error, tenant = %tenant.id, "tenant status is unknown, login proceeds");
            false
        }
    }
}

async fn publish_failure(
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
