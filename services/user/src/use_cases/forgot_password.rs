//! Requests to reset a forgotten password.

use std::time::Duration;

use events::user::UserTokenCreated;
use service::PlatformScope;
use tokio::time::Instant;

use super::UserError;
use crate::{
    domain::{EmailAddress, Purpose},
    store::{password_tokens, users},
};

/// The least duration of a request, so that its time does not reveal whether an account exists.
const MIN_DURATION: Duration = Duration::from_millis(100);

/// Opens a password reset token and publishes the event that has its e-mail sent, if the address has an account and no
/// e-mail was sent in the last minute. The caller does not learn which.
///
/// # Errors
/// `Store`.
pub async fn forgot_password(db: &PlatformScope, email: &EmailAddress) -> Result<(), UserError> {
    let end = Instant::now() + MIN_DURATION;
    let outcome = open_token(db, email).await;
    tokio::time::sleep_until(end).await;
    outcome
}

async fn open_token(db: &PlatformScope, email: &EmailAddress) -> Result<(), UserError> {
    let mut tx = db.begin().await?;
    let Some(account) = users::lock_by_email(&tx, email).await? else {
        return Ok(());
    };
    let (user, now) = (account.user, tx.now());
    if !password_tokens::open(&tx, user.id, Purpose::PasswordReset, now).await? {
        return Ok(());
    }
    let event = UserTokenCreated {
        user_id: user.id.as_uuid(),
        email: user.email.as_str().to_owned(),
        purpose: Purpose::PasswordReset.into(),
        expires_at: (now + Purpose::PasswordReset.lifetime()).into(),
    };
    tx.publish(user.id, 0, &event).await?;
    Ok(tx.commit().await?)
}
