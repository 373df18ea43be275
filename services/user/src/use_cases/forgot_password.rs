//! Somebody forgot their password.

use std::time::Duration;

use events::user::UserTokenCreated;
use service::PlatformScope;
use tokio::time::Instant;

use super::UserError;
use crate::{
    domain::{EmailAddress, Purpose},
    store::{password_tokens, users},
};

/// Every answer takes as long as this, so that its time does not tell whether there is an account.
const ANSWER_AFTER: Duration = Duration::from_millis(100);

/// Opens leave to set a new password and has a mail sent, if there is an account; at most once a minute. Never tells
/// which.
///
/// # Errors
/// Only those of the database.
pub async fn forgot_password(db: &PlatformScope, email: &EmailAddress) -> Result<(), UserError> {
    let answer_at = Instant::now() + ANSWER_AFTER;
    let opened = open(db, email).await;
    tokio::time::sleep_until(answer_at).await;
    opened
}

async fn open(db: &PlatformScope, email: &EmailAddress) -> Result<(), UserError> {
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
        expires_at: (now + Purpose::PasswordReset.life()).into(),
    };
    tx.publish(user.id, 0, &event).await?;
    Ok(tx.commit().await?)
}
