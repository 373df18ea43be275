//! Client of the user service, which issues the tokens of password links.

use std::time::Duration;

use auth::{ServiceTokens, UserId};
use reqwest::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use service::{Call, CallError, ServiceClient, settings::InvalidSetting};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{PasswordToken, TokenPurpose};

/// Time limit of one call.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The user service issued no token.
#[derive(Debug, thiserror::Error)]
pub enum PasswordTokenError {
    /// The user was deleted, has a password already, or the request has expired.
    #[error("the user does not expect a link")]
    NotExpected,
    /// The user service is unavailable, or does not accept this service's token; the consumer waits for it.
    #[error("the user service is unavailable: {0}")]
    Unavailable(String),
    /// The user service rejected the request: an internal error.
    #[error("the user service rejected the request with status {0}")]
    Rejected(StatusCode),
}

/// Client of the user service. Cheap to clone.
#[derive(Clone)]
pub(crate) struct UserClient(ServiceClient);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateToken {
    user_id: UserId,
    purpose: TokenPurpose,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreatedToken {
    token: SecretString,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

impl UserClient {
    /// A client of the user service at the base URL `base`.
    pub fn new(base: &str, tokens: ServiceTokens) -> Result<Self, InvalidSetting> {
        ServiceClient::new("TENANTRY_USER_URL", base, TIMEOUT, tokens).map(Self)
    }

    /// Creates a single-use token with which the user can set a password. Earlier tokens for the same purpose become
    /// invalid.
    pub async fn create_password_token(
        &self,
        user_id: UserId,
        purpose: TokenPurpose,
        correlation_id: Uuid,
    ) -> Result<PasswordToken, PasswordTokenError> {
        let call = Call::post(
            "/api/auth/password-tokens",
            CreateToken { user_id, purpose },
        )
        .correlation_id(correlation_id);
        match self.0.call(call).await {
            Ok(CreatedToken { token, expires_at }) => Ok(PasswordToken {
                value: token,
                expires_at,
            }),
            Err(CallError::Rejected { status, .. })
                if status == StatusCode::NOT_FOUND || status == StatusCode::CONFLICT =>
            {
                Err(PasswordTokenError::NotExpected)
            }
            Err(CallError::Rejected { status, .. }) => Err(PasswordTokenError::Rejected(status)),
            Err(CallError::Unavailable(reason)) => Err(PasswordTokenError::Unavailable(reason)),
        }
    }
}
