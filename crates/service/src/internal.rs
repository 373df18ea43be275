//! Calls to other services of the platform over HTTP.

use std::{fmt, sync::Arc, time::Duration};

use auth::ServiceTokens;
use futures::future::BoxFuture;
use reqwest::{Method, StatusCode, Url};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::settings::InvalidSetting;

/// Why there is no access token for a call.
pub type BearerError = Box<dyn std::error::Error + Send + Sync>;

type Bearer = dyn Fn() -> BoxFuture<'static, Result<String, BearerError>> + Send + Sync;

/// A client of one other service: base URL, service token, time limit, no redirects. Cheap to clone.
#[derive(Clone)]
pub struct ServiceClient {
    http: reqwest::Client,
    base: Arc<Url>,
    timeout: Duration,
    bearer: Arc<Bearer>,
}

/// A call that gave no answer to work with.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The service is down, slow, busy, or does not accept this service's token; whether it acted is not known.
    #[error("the service cannot be reached: {0}")]
    Unavailable(String),
    /// The service refused the request; nothing was done.
    #[error("the service answered {status} ({problem})")]
    Rejected {
        /// Its status, 4xx.
        status: StatusCode,
        /// The `type` of its problem document; empty if it sent none.
        problem: String,
    },
}

/// A request to another service.
#[derive(Debug)]
pub struct Call<B> {
    method: Method,
    path: String,
    body: Option<B>,
    correlation_id: Option<Uuid>,
    idempotency_key: Option<String>,
}

impl Call<()> {
    /// `GET path`.
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            body: None,
            correlation_id: None,
            idempotency_key: None,
        }
    }
}

impl<B: Serialize> Call<B> {
    /// `POST path` with a JSON body.
    pub fn post(path: impl Into<String>, body: B) -> Self {
        Self {
            method: Method::POST,
            path: path.into(),
            body: Some(body),
            correlation_id: None,
            idempotency_key: None,
        }
    }
}

impl<B> Call<B> {
    /// Sends `x-correlation-id`.
    #[must_use]
    pub fn correlation_id(mut self, id: Uuid) -> Self {
        self.correlation_id = Some(id);
        self
    }

    /// Sends `idempotency-key`.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }
}

impl ServiceClient {
    /// A client of the service at `base`, which the setting `variable` holds; calls carry a token of `tokens`.
    ///
    /// # Errors
    /// `base` is not a URL.
    pub fn new(
        variable: &str,
        base: &str,
        timeout: Duration,
        tokens: ServiceTokens,
    ) -> Result<Self, InvalidSetting> {
        Self::with_bearer(variable, base, timeout, move || {
            let tokens = tokens.clone();
            async move { tokens.bearer().await }
        })
    }

    /// As [`ServiceClient::new`], with a token of the caller's own making.
    ///
    /// # Errors
    /// `base` is not a URL.
    pub fn with_bearer<F, Fut, E>(
        variable: &str,
        base: &str,
        timeout: Duration,
        bearer: F,
    ) -> Result<Self, InvalidSetting>
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<BearerError>,
    {
        let base = format!("{}/", base.trim_end_matches('/'))
            .parse()
            .map_err(|error| InvalidSetting::new(variable, error))?;
        let http = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| InvalidSetting::new(variable, error))?;
        Ok(Self {
            http,
            base: Arc::new(base),
            timeout,
            bearer: Arc::new(move || {
                let token = bearer();
                Box::pin(async move { token.await.map_err(Into::into) })
            }),
        })
    }

    /// Makes the call; its JSON answer is read as `A`. The time limit covers the token, the call and the answer.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call<B: Serialize, A: DeserializeOwned>(
        &self,
        call: Call<B>,
    ) -> Result<A, CallError> {
        tokio::time::timeout(self.timeout, self.send(call))
            .await
            .unwrap_or_else(|_| Err(CallError::Unavailable("it did not answer in time".into())))
    }

    async fn send<B: Serialize, A: DeserializeOwned>(&self, call: Call<B>) -> Result<A, CallError> {
        let token = (self.bearer)().await.map_err(unavailable)?;
        let path = call.path.trim_start_matches('/');
        let url = self.base.join(path).map_err(unavailable)?;
        let mut request = self.http.request(call.method, url).bearer_auth(token);
        if let Some(id) = call.correlation_id {
            request = request.header("x-correlation-id", id.to_string());
        }
        if let Some(key) = call.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(of_reqwest)?;
        match answer.status() {
            status if status.is_success() => answer.json().await.map_err(of_reqwest),
            // Keys, secrets and load are for the operator to correct; the caller waits meanwhile.
            status @ (StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS) => Err(answered(status)),
            status if status.is_client_error() => {
                let problem: Problem = answer.json().await.unwrap_or_default();
                let problem = problem.kind;
                Err(CallError::Rejected { status, problem })
            }
            status => Err(answered(status)),
        }
    }
}

/// The part of a problem document (RFC 9457) that programs read.
#[derive(Default, Deserialize)]
struct Problem {
    #[serde(rename = "type", default)]
    kind: String,
}

fn unavailable(cause: impl fmt::Display) -> CallError {
    CallError::Unavailable(cause.to_string())
}

fn answered(status: StatusCode) -> CallError {
    CallError::Unavailable(format!("it answered {status}"))
}

/// Without the URL, which may hold an id or a secret.
fn of_reqwest(error: reqwest::Error) -> CallError {
    unavailable(error.without_url())
}
