//! Password tokens for e-mails.

use auth::UserId;
use service::PlatformScope;
use time::OffsetDateTime;

use super::UserError;
use crate::{
    domain::{Purpose, Secret},
    store::{password_tokens, users},
};

/// A new secret and when it expires.
#[derive(Debug)]
pub struct MintedToken {
    /// The secret, for the e-mail's link.
    pub token: Secret,
    /// When it expires.
    pub expires_at: OffsetDateTime,
}

/// Generates the secret that lets a user set a password once. It replaces an earlier one for the same purpose.
///
/// A reset secret is issued only while the user's own request for it is open, an invitation secret only while the user
/// has no password: a caller who may obtain secrets cannot take over other accounts.
///
/// # Errors
/// `UserNotFound`; `TokenNotRequested`; `Store`.
pub async fn mint_password_token(
    db: &PlatformScope,
    id: UserId,
    purpose: Purpose,
) -> Result<MintedToken, UserError> {
    let tx = db.begin().await?;
    let account = users::lock_by_id(&tx, id)
        .await?
        .ok_or(UserError::UserNotFound)?;
    let (token, now) = (Secret::generate(), tx.now());
    let hash = token.hash();
    let expires_at = match purpose {
        Purpose::PasswordReset => password_tokens::fill(&tx, id, purpose, &hash, now).await?,
        Purpose::Invitation if account.password.is_none() => {
            Some(password_tokens::grant(&tx, id, purpose, &hash, now).await?)
        }
        Purpose::Invitation => None,
    };
    let expires_at = expires_at.ok_or(UserError::TokenNotRequested)?;
    tx.commit().await?;
    Ok(MintedToken { token, expires_at })
}
