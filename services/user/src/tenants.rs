//! The tenant service, as far as this one asks it for new tenants.

use std::{sync::Arc, time::Duration};

use auth::{Caller, Issuer};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tenancy::{TenantCode, TenantId};
use uuid::Uuid;

use crate::domain::{EmailAddress, OwnTenant};

/// Where a tenant lives and what it pays for, until somebody decides otherwise.
const REGION: &str = "eu";
const PACKAGE: &str = "starter";
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no new tenant.
#[derive(Debug, thiserror::Error)]
pub enum NewTenantError {
    /// The code belongs to another.
    #[error("the tenant code is taken")]
    Taken,
    /// Whether it was made is not known: the tenant service did not answer, or not well.
    #[error("the tenant service cannot be asked: {0}")]
    Unavailable(String),
    /// The tenant service refused what we sent: a mistake of ours.
    #[error("the tenant service refused the new tenant with status {0}")]
    Refused(StatusCode),
}

/// A tenant that is to be made.
pub struct NewTenant<'a> {
    /// Its code.
    pub code: &'a TenantCode,
    /// Its name.
    pub name: &'a str,
    /// Where bills and, if need be, the first invitation go.
    pub billing_email: &'a EmailAddress,
    /// What makes a second try find the first one's tenant, if the caller gave anything.
    pub key: Option<String>,
    /// The request this belongs to.
    pub correlation_id: Uuid,
}

/// Asks the tenant service for new tenants, with tokens that this service signs itself.
#[derive(Clone)]
pub struct TenantService {
    url: Arc<str>,
    http: reqwest::Client,
    issuer: Arc<Issuer>,
}

#[derive(Deserialize)]
struct Made {
    #[serde(alias = "tenantId")]
    id: TenantId,
    code: TenantCode,
}

impl TenantService {
    /// The tenant service at `base`.
    pub fn new(base: &str, issuer: Arc<Issuer>) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            url: format!("{}/api/tenants", base.trim_end_matches('/')).into(),
            http,
            issuer,
        })
    }

    /// Has the tenant made. Its database follows behind the answer.
    pub async fn create(&self, wish: NewTenant<'_>) -> Result<OwnTenant, NewTenantError> {
        let unavailable = |error: reqwest::Error| NewTenantError::Unavailable(error.to_string());
        let token = self
            .issuer
            .issue(&Caller::service("user"))
            .map_err(|error| NewTenantError::Unavailable(error.to_string()))?;
        let body = json!({
            "code": wish.code,
            "name": wish.name,
            "region": REGION,
            "package": PACKAGE,
            "billingEmail": wish.billing_email,
        });
        let mut request = self
            .http
            .post(&*self.url)
            .bearer_auth(token.access_token)
            .header("x-correlation-id", wish.correlation_id.to_string())
            .json(&body);
        if let Some(key) = wish.key {
            request = request.header("idempotency-key", hex::encode(Sha256::digest(key)));
        }
        let answer = request.send().await.map_err(unavailable)?;
        let status = answer.status();
        if status.is_success() {
            let made: Made = answer.json().await.map_err(unavailable)?;
            return Ok(OwnTenant {
                id: made.id,
                code: made.code,
            });
        }
        let problem: Problem = answer.json().await.unwrap_or_default();
        match status {
            // Ours is not the only 409: the first try with this key may still be under way.
            StatusCode::CONFLICT if problem.kind.ends_with("/request-in-progress") => Err(
                NewTenantError::Unavailable("the first try is still under way".to_owned()),
            ),
            StatusCode::CONFLICT => Err(NewTenantError::Taken),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(NewTenantError::Unavailable(format!("it answered {status}")))
            }
            status => Err(NewTenantError::Refused(status)),
        }
    }
}

#[derive(Default, Deserialize)]
struct Problem {
    #[serde(rename = "type", default)]
    kind: String,
}
