//! Client of the tenant service.

use std::{sync::Arc, time::Duration};

use auth::{Caller, Issuer};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use service::{Call, CallError, ServiceClient, settings::InvalidSetting};
use sha2::{Digest, Sha256};
use tenancy::{TenantCode, TenantId};
use uuid::Uuid;

use crate::domain::{EmailAddress, UserTenant};

/// Region and package of a new tenant until they are changed.
const REGION: &str = "eu";
const PACKAGE: &str = "starter";
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why a tenant was not created.
#[derive(Debug, thiserror::Error)]
pub enum NewTenantError {
    /// The code belongs to another tenant.
    #[error("the tenant code is taken")]
    Taken,
    /// The outcome is unknown: the tenant service did not answer, or answered with an error.
    #[error("the tenant service is unavailable: {0}")]
    Unavailable(String),
    /// The tenant service rejected the request: an internal error.
    #[error("the tenant service rejected the new tenant with status {0}")]
    Rejected(StatusCode),
}

/// A tenant to be created.
pub struct NewTenant<'a> {
    /// Its code.
    pub code: &'a TenantCode,
    /// Its name.
    pub name: &'a str,
    /// The address for bills and, if needed, the first invitation.
    pub billing_email: &'a EmailAddress,
    /// The caller's idempotency key, with which a retry finds the tenant of the first request.
    pub key: Option<String>,
    /// The request this belongs to.
    pub correlation_id: Uuid,
}

/// Creates tenants at the tenant service, with tokens that this service issues itself.
#[derive(Clone)]
pub struct TenantService(ServiceClient);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateTenant<'a> {
    code: &'a TenantCode,
    name: &'a str,
    region: &'static str,
    package: &'static str,
    billing_email: &'a EmailAddress,
}

#[derive(Deserialize)]
struct Created {
    #[serde(alias = "tenantId")]
    id: TenantId,
    code: TenantCode,
}

impl TenantService {
    /// The tenant service at `base`.
    pub fn new(base: &str, issuer: Arc<Issuer>) -> Result<Self, InvalidSetting> {
        let bearer = move || {
            let token = issuer.issue(&Caller::service("user"));
            async move { token.map(|issued| issued.access_token) }
        };
        ServiceClient::with_bearer("TENANTRY_TENANT_URL", base, TIMEOUT, bearer).map(Self)
    }

    /// Creates the tenant; its database is provisioned asynchronously.
    pub async fn create(&self, tenant: NewTenant<'_>) -> Result<UserTenant, NewTenantError> {
        let body = CreateTenant {
            code: tenant.code,
            name: tenant.name,
            region: REGION,
            package: PACKAGE,
            billing_email: tenant.billing_email,
        };
        let mut call = Call::post("/api/tenants", body).correlation_id(tenant.correlation_id);
        if let Some(key) = tenant.key {
            call = call.idempotency_key(hex::encode(Sha256::digest(key)));
        }
        match self.0.call::<_, Created>(call).await {
            Ok(Created { id, code }) => Ok(UserTenant { id, code }),
            // A 409 also says that the first request with this key is still in progress.
            Err(CallError::Rejected { status, problem })
                if status == StatusCode::CONFLICT && problem.ends_with("/request-in-progress") =>
            {
                let reason = "the first request is still in progress".to_owned();
                Err(NewTenantError::Unavailable(reason))
            }
            Err(CallError::Rejected { status, .. }) if status == StatusCode::CONFLICT => {
                Err(NewTenantError::Taken)
            }
            Err(CallError::Rejected { status, .. }) => Err(NewTenantError::Rejected(status)),
            Err(CallError::Unavailable(reason)) => Err(NewTenantError::Unavailable(reason)),
        }
    }
}
