//! The secret for a mail.

use auth::UserId;
use service::PlatformScope;
use time::OffsetDateTime;

use super::UserError;
use crate::{
    domain::{Purpose, Secret},
    store::{password_tokens, users},
};

/// A secret and until when it is good.
#[derive(Debug)]
pub struct MintedToken {
    /// The secret, for the mail.
    pub token: Secret,
    /// When it stops working.
    pub expires_at: OffsetDateTime,
}

/// Draws the secret that lets a user set a password once. An earlier one for the same purpose stops working.
///
/// A secret for a reset is only given while the user's own wish for it is open, one for an invitation only while the
/// user has no password: whoever may ask for secrets still cannot take over an account that waits for none.
///
/// # Errors
/// `NoUser`; `NotWaiting`.
pub async fn mint_password_token(
    db: &PlatformScope,
    id: UserId,
    purpose: Purpose,
) -> Result<MintedToken, UserError> {
    let tx = db.begin().await?;
    let account = users::lock_by_id(&tx, id).await?.ok_or(UserError::NoUser)?;
    let (token, now) = (Secret::draw(), tx.now());
    let hash = token.hash();
    let expires_at = match purpose {
        Purpose::PasswordReset => password_tokens::fill(&tx, id, purpose, &hash, now).await?,
        Purpose::Invitation if account.password.is_none() => {
            Some(password_tokens::grant(&tx, id, purpose, &hash, now).await?)
        }
        Purpose::Invitation => None,
    };
    let expires_at = expires_at.ok_or(UserError::NotWaiting)?;
    tx.commit().await?;
    Ok(MintedToken { token, expires_at })
}
