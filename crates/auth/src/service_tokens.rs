//! Access tokens for calls between services.

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::{sync::Mutex, time::Instant};

use crate::key_set::internal_http_client;

const TIMEOUT: Duration = Duration::from_secs(2);
/// Time before the expiry at which a token is renewed. If that fails, the old token is used until it expires.
const RENEW_BEFORE: Duration = Duration::from_mins(2);
/// Time for which a failure is returned to all callers without another request.
const FAILURE_TTL: Duration = Duration::from_millis(500);

/// The error of obtaining a service token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceTokenError {
    /// The user service is unavailable. Retry later.
    #[error("cannot obtain a service token from the user service: {0}")]
    Unavailable(String),
    /// The user service rejected the secret of this service. A retry does not help.
    #[error(
        "the user service rejected the service secret with status {0}; check TENANTRY_SERVICE_SECRET"
    )]
    Rejected(u16),
}

/// Obtains and caches the access token of this service. Cheap to clone; clones share the token.
#[derive(Clone)]
pub struct ServiceTokens(Arc<Inner>);

struct Inner {
    url: String,
    service: String,
    secret: SecretString,
    http: reqwest::Client,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<CachedToken>,
    failed: Option<(Instant, ServiceTokenError)>,
}

struct CachedToken {
    bearer: String,
    expires: Instant,
    renew: Instant,
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    expires_in: u64,
}

impl ServiceTokens {
    /// Creates a client that obtains tokens for the service `name` from the user service at `user_url`.
    pub fn new(user_url: &str, name: &str, secret: SecretString) -> Self {
        Self(Arc::new(Inner {
            url: format!("{}/api/auth/service-token", user_url.trim_end_matches('/')),
            service: name.to_owned(),
            secret,
            http: internal_http_client(TIMEOUT),
            state: Mutex::default(),
        }))
    }

    /// Returns a valid token for `Authorization: Bearer`. Concurrent calls share one request.
    pub async fn bearer(&self) -> Result<String, ServiceTokenError> {
        let mut state = self.0.state.lock().await;
        if let Some(token) = state
            .token
            .as_ref()
            .filter(|token| token.renew > Instant::now())
        {
            return Ok(token.bearer.clone());
        }
        let error = match state
            .failed
            .as_ref()
            .filter(|(at, _)| at.elapsed() < FAILURE_TTL)
        {
            Some((_, error)) => error.clone(),
            None => match self.0.request().await {
                Ok(token) => {
                    let bearer = token.bearer.clone();
                    *state = State {
                        token: Some(token),
                        failed: None,
                    };
                    return Ok(bearer);
                }
                Err(error) => {
                    state.failed = Some((Instant::now(), error.clone()));
                    error
                }
            },
        };
        state
            .token
            .as_ref()
            .filter(|token| token.expires > Instant::now())
            .map(|token| token.bearer.clone())
            .ok_or(error)
    }
}

impl Inner {
    async fn request(&self) -> Result<CachedToken, ServiceTokenError> {
        let unavailable =
            |error: reqwest::Error| ServiceTokenError::Unavailable(error.without_url().to_string());
        let body = json!({ "service": self.service, "secret": self.secret.expose_secret() });
        let requested = Instant::now();
        let response = self
            .http
            .post(&self.url)
            .json(&body)
            .send()
            .await
            .map_err(unavailable)?;
        let status = response.status();
        if status.is_client_error() && status.as_u16() != 429 {
            return Err(ServiceTokenError::Rejected(status.as_u16()));
        }
        let response: TokenResponse = response
            .error_for_status()
            .map_err(unavailable)?
            .json()
            .await
            .map_err(unavailable)?;
        let lifetime = Duration::from_secs(response.expires_in);
        // A token with a short lifetime is renewed halfway through.
        let renew = requested + lifetime.saturating_sub(RENEW_BEFORE).max(lifetime / 2);
        Ok(CachedToken {
            bearer: response.access_token,
            expires: requested + lifetime,
            renew,
        })
    }
}
