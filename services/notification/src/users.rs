//! The user service, as far as this one asks it for the secrets of links.

use std::{sync::Arc, time::Duration};

use auth::{ServiceTokens, UserId};
use reqwest::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{PasswordSecret, Purpose};

const TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no secret for a link.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The user is gone, or has a password by now, or asked too long ago.
    #[error("the user waits for no link")]
    NotWaiting,
    /// The user service is away, or does not let this service in; it is waited for.
    #[error("the user service gives no secret for a link: {0}")]
    Unavailable(String),
    /// The user service refused what we sent: a mistake of ours.
    #[error("the user service refused to give a secret with status {0}")]
    Refused(StatusCode),
}

/// Asks the user service.
#[derive(Clone)]
pub(crate) struct UserService {
    url: Arc<str>,
    http: reqwest::Client,
    tokens: ServiceTokens,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Drawn {
    token: SecretString,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

impl UserService {
    /// The user service at `base`.
    pub fn new(base: &str, tokens: ServiceTokens) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let url = format!("{}/api/auth/password-tokens", base.trim_end_matches('/')).into();
        Ok(Self { url, http, tokens })
    }

    /// What lets the user set a password once. An earlier one for the same purpose stops working.
    pub async fn password_secret(
        &self,
        user: UserId,
        purpose: Purpose,
        correlation: Uuid,
    ) -> Result<PasswordSecret, SecretError> {
        let unavailable =
            |error: reqwest::Error| SecretError::Unavailable(error.without_url().to_string());
        let bearer = self
            .tokens
            .bearer()
            .await
            .map_err(|error| SecretError::Unavailable(error.to_string()))?;
        let answer = self
            .http
            .post(&*self.url)
            .bearer_auth(bearer)
            .header("x-correlation-id", correlation.to_string())
            .json(&json!({ "userId": user, "purpose": purpose }))
            .send()
            .await
            .map_err(unavailable)?;
        match answer.status() {
            status if status.is_success() => {
                let Drawn { token, expires_at } = answer.json().await.map_err(unavailable)?;
                Ok(PasswordSecret { token, expires_at })
            }
            StatusCode::NOT_FOUND | StatusCode::CONFLICT => Err(SecretError::NotWaiting),
            // Keys and secrets are the operator's to mend; the invitation waits meanwhile.
            status @ (StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS) => {
                Err(SecretError::Unavailable(format!("it answers {status}")))
            }
            status if status.is_client_error() => Err(SecretError::Refused(status)),
            status => Err(SecretError::Unavailable(format!("it answers {status}"))),
        }
    }
}
