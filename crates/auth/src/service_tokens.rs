//! Tokens with which one service calls another.

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::{sync::Mutex, time::Instant};

use crate::key_set::plain_client;

const TIMEOUT: Duration = Duration::from_secs(2);
/// A token is renewed this long before its end, and used until then if that fails.
const RENEW_BEFORE: Duration = Duration::from_mins(2);
/// After a failure others get its answer for this long instead of waiting in line for their own.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceTokenError {
    /// The user service is away; worth another try.
    #[error("the user service gives no service token: {0}")]
    Unavailable(String),
    /// The user service does not know this service's secret; another try will not help.
    #[error(
        "the user service refuses this service's secret (status {0}): check the service secret"
    )]
    Refused(u16),
}

/// Gets and keeps the token of this service. Cheap to clone; clones share the token.
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
    token: Option<Kept>,
    failed: Option<(Instant, ServiceTokenError)>,
}

struct Kept {
    bearer: String,
    ends: Instant,
    renew: Instant,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: u64,
}

impl ServiceTokens {
    /// The tokens of the service `name`, from the user service at `user_url`.
    pub fn new(user_url: &str, name: &str, secret: SecretString) -> Self {
        Self(Arc::new(Inner {
            url: format!("{}/api/auth/service-token", user_url.trim_end_matches('/')),
            service: name.to_owned(),
            secret,
            http: plain_client(TIMEOUT),
            state: Mutex::default(),
        }))
    }

    /// A token that is good for some time yet, for `Authorization: Bearer`. Many callers ask once.
    pub async fn bearer(&self) -> Result<String, ServiceTokenError> {
        let mut state = self.0.state.lock().await;
        if let Some(kept) = state
            .token
            .as_ref()
            .filter(|kept| kept.renew > Instant::now())
        {
            return Ok(kept.bearer.clone());
        }
        let error = match state
            .failed
            .as_ref()
            .filter(|(at, _)| at.elapsed() < PAUSE_AFTER_FAILURE)
        {
            Some((_, error)) => error.clone(),
            None => match self.0.ask().await {
                Ok(kept) => {
                    let bearer = kept.bearer.clone();
                    *state = State {
                        token: Some(kept),
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
            .filter(|kept| kept.ends > Instant::now())
            .map(|kept| kept.bearer.clone())
            .ok_or(error)
    }
}

impl Inner {
    async fn ask(&self) -> Result<Kept, ServiceTokenError> {
        let unavailable =
            |error: reqwest::Error| ServiceTokenError::Unavailable(error.without_url().to_string());
        let body = json!({ "service": self.service, "secret": self.secret.expose_secret() });
        let asked = Instant::now();
        let answer = self
            .http
            .post(&self.url)
            .json(&body)
            .send()
            .await
            .map_err(unavailable)?;
        let status = answer.status();
        if status.is_client_error() && status.as_u16() != 429 {
            return Err(ServiceTokenError::Refused(status.as_u16()));
        }
        let answer: Answer = answer
            .error_for_status()
            .map_err(unavailable)?
            .json()
            .await
            .map_err(unavailable)?;
        let life = Duration::from_secs(answer.expires_in);
        // A short life is renewed at half of it.
        let renew = asked + life.saturating_sub(RENEW_BEFORE).max(life / 2);
        Ok(Kept {
            bearer: answer.access_token,
            ends: asked + life,
            renew,
        })
    }
}
