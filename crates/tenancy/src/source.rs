//! Whom a directory asks about a tenant it has not seen.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::future::BoxFuture;
use reqwest::{StatusCode, Url};

use crate::{SettingsError, TenantFacts};

/// Answers for tenants whose events have not arrived yet.
#[async_trait]
pub trait TenantSource: Send + Sync + 'static {
    /// The tenant of this reference (its id or its code), or `None` if there is none.
    ///
    /// # Errors
    /// The source could not say: away, slow, or its answer made no sense.
    async fn fetch(&self, reference: &str) -> Result<Option<TenantFacts>, SourceError>;
}

/// The source could not say whether there is such a tenant.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the tenant service cannot be asked: {0}")]
pub struct SourceError(Arc<str>);

impl SourceError {
    /// An error with its cause in words.
    pub fn new(cause: impl std::fmt::Display) -> Self {
        Self(cause.to_string().into())
    }
}

/// Knows no tenant: for the tenant service itself, whose directory is complete.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTenantSource;

#[async_trait]
impl TenantSource for NoTenantSource {
    async fn fetch(&self, _reference: &str) -> Result<Option<TenantFacts>, SourceError> {
        Ok(None)
    }
}

/// Why there is no token for the call, in words.
type BearerError = Box<dyn std::error::Error + Send + Sync>;
type Bearer = dyn Fn() -> BoxFuture<'static, Result<String, BearerError>> + Send + Sync;

/// Asks `GET {base}/api/tenants/{id or code}` of the tenant service, with the caller's service token.
pub struct HttpTenantSource {
    http: reqwest::Client,
    tenants: Url,
    bearer: Box<Bearer>,
}

impl HttpTenantSource {
    /// How long an answer may take, the token included.
    const TIMEOUT: Duration = Duration::from_millis(1500);

    /// A source at `base` (`http://tenant:8080`); `bearer` yields the access token for each call.
    ///
    /// # Errors
    /// `base` is no URL.
    pub fn new<F, Fut, E>(base: &str, bearer: F) -> Result<Self, SettingsError>
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<BearerError>,
    {
        let invalid = |cause: &dyn std::fmt::Display| {
            SettingsError::new(format!("the tenant service's URL: {cause}"))
        };
        let tenants = format!("{}/api/tenants/", base.trim_end_matches('/'));
        let tenants: Url = tenants.parse().map_err(|error| invalid(&error))?;
        let http = reqwest::Client::builder()
            .timeout(Self::TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| invalid(&error))?;
        Ok(Self {
            http,
            tenants,
            bearer: Box::new(move || {
                let token = bearer();
                Box::pin(async move { token.await.map_err(Into::into) })
            }),
        })
    }

    async fn ask(&self, reference: &str) -> Result<Option<TenantFacts>, SourceError> {
        let url = self.tenants.join(reference).map_err(SourceError::new)?;
        let token = (self.bearer)().await.map_err(SourceError::new)?;
        let answer = self
            .http
            .get(url)
            .bearer_auth(token)
            .send()
            .await
            .map_err(SourceError::new)?;
        match answer.status() {
            StatusCode::OK => answer.json().await.map(Some).map_err(SourceError::new),
            StatusCode::NOT_FOUND => Ok(None),
            other => Err(SourceError::new(format!("it answered {other}"))),
        }
    }
}

#[async_trait]
impl TenantSource for HttpTenantSource {
    async fn fetch(&self, reference: &str) -> Result<Option<TenantFacts>, SourceError> {
        tokio::time::timeout(Self::TIMEOUT, self.ask(reference))
            .await
            .unwrap_or_else(|_| Err(SourceError::new("it did not answer in time")))
    }
}
