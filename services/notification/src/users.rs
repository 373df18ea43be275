//! Client of the user service, which issues the secrets of password links.

use std::time::Duration;

use auth::{ServiceTokens, UserId};
use reqwest::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use service::{Call, CallError, ServiceClient, settings::BadSetting};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{PasswordSecret, Purpose};

const TIMEOUT: Duration = Duration::from_secs(5);

/// Why no secret was issued.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The user was deleted, has a password already, or the request has expired.
    #[error("the user does not expect a link")]
    NotWaiting,
    /// The user service is unavailable, or does not accept this service's token; the consumer waits for it.
    #[error("the user service is unavailable: {0}")]
    Unavailable(String),
    /// The user service rejected the request: an internal error.
    #[error("the user service rejected the request with status {0}")]
    Rejected(StatusCode),
}

/// Client of the user service.
#[derive(Clone)]
pub(crate) struct UserService(ServiceClient);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateToken {
    user_id: UserId,
    purpose: Purpose,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreatedToken {
    token: SecretString,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

impl UserService {
    /// The user service at `base`.
    pub fn new(base: &str, tokens: ServiceTokens) -> Result<Self, BadSetting> {
        ServiceClient::new("TENANTRY_USER_URL", base, TIMEOUT, tokens).map(Self)
    }

    /// A secret with which the user can set a password once. Earlier secrets for the same purpose become invalid.
    pub async fn password_secret(
        &self,
        user_id: UserId,
        purpose: Purpose,
        correlation_id: Uuid,
    ) -> Result<PasswordSecret, SecretError> {
        let call = Call::post(
            "/api/auth/password-tokens",
            CreateToken { user_id, purpose },
        )
        .correlation_id(correlation_id);
        match self.0.call(call).await {
            Ok(CreatedToken { token, expires_at }) => Ok(PasswordSecret { token, expires_at }),
            Err(CallError::Rejected { status, .. })
                if status == StatusCode::NOT_FOUND || status == StatusCode::CONFLICT =>
            {
                Err(SecretError::NotWaiting)
            }
            Err(CallError::Rejected { status, .. }) => Err(SecretError::Rejected(status)),
            Err(CallError::Unavailable(reason)) => Err(SecretError::Unavailable(reason)),
        }
    }
}
