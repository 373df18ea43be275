//! The tenant of a request: from the path, the `x-tenant-id` header, or the token.

use std::{ops::Deref, sync::Arc};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::StatusCode, web};
use auth::{Caller, Role};
use futures::{FutureExt, future::LocalBoxFuture};
use tenancy::{DirectoryError, Tenant, TenantStatus};

use super::{Problem, headers::single, observe::Correlation};
use crate::{Context, PlatformScope, Runtime, TenantScope};

const HEADER: &str = "x-tenant-id";
/// The name of the path segment that names the tenant.
pub(super) const PATH: &str = "tenantCode";

/// A tenant that this caller may use now, with access to its database.
///
/// Responds with 400 when no tenant or more than one is named, 404 for an unknown tenant, 403 for another caller's or a
/// suspended tenant, and 503 when the tenant is not ready or cannot be looked up.
pub struct ActiveTenant(pub TenantScope);

impl Deref for ActiveTenant {
    type Target = TenantScope;

    fn deref(&self) -> &TenantScope {
        &self.0
    }
}

impl FromRequest for ActiveTenant {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        let request = request.clone();
        async move {
            let caller = caller.await?;
            let runtime = runtime(&request)?;
            let tenant = resolve(&request, &runtime, &caller).await?;
            let context = context(&request).on_behalf_of(caller.user_id);
            Ok(Self(runtime.tenant(tenant, context)))
        }
        .boxed_local()
    }
}

impl FromRequest for PlatformScope {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, actix_web::Error>>;

    /// The platform database on behalf of the caller if a token was sent; routes that require one extract the caller
    /// themselves.
    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = auth::MaybeCaller::from_request(request, payload);
        let request = request.clone();
        async move {
            let context = context(&request);
            let context = match caller.await?.0 {
                Some(caller) => context.on_behalf_of(caller.user_id),
                None => context,
            };
            Ok(runtime(&request)?.platform(context))
        }
        .boxed_local()
    }
}

fn runtime(request: &HttpRequest) -> Result<Runtime, Problem> {
    request
        .app_data::<web::Data<Runtime>>()
        .map(|data| data.get_ref().clone())
        .ok_or_else(|| Problem::internal(&"the app has no Runtime among its data"))
}

fn context(request: &HttpRequest) -> Context {
    request
        .extensions()
        .get::<Correlation>()
        .map_or_else(Context::background, |correlation| {
            Context::of_request(correlation.0)
        })
}

async fn resolve(
    request: &HttpRequest,
    runtime: &Runtime,
    caller: &Caller,
) -> Result<Arc<Tenant>, Problem> {
    let path = request.match_info().get(PATH).map(str::to_owned);
    let header = single(request, HEADER)?;
    let claim = caller.tenant.as_ref().map(|tenant| tenant.id.to_string());
    let Some(named) = path.clone().or_else(|| header.clone()).or(claim) else {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "tenant-missing",
            "No tenant named",
            format!("name a tenant in the path or in the {HEADER} header"),
        ));
    };
    let tenant = find(runtime, &named).await?;
    if let (Some(_), Some(also)) = (&path, &header)
        && find(runtime, also).await?.id != tenant.id
    {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "tenant-contradiction",
            "Two tenants named",
            format!("the path and the {HEADER} header name different tenants"),
        ));
    }
    // An admin may act in their own tenant only, whatever path and header name.
    if caller.role == Role::Admin && !caller.is_admin_of(tenant.id.0) {
        return Err(Problem::forbidden("this is not your tenant"));
    }
    usable(&tenant).map(|()| tenant)
}

async fn find(runtime: &Runtime, named: &str) -> Result<Arc<Tenant>, Problem> {
    match runtime.directory().by_reference(named).await {
        Ok(Some(tenant)) => Ok(tenant),
        Ok(None) => Err(Problem::not_found("tenant")),
        Err(DirectoryError::Unreachable(_)) => Err(Problem::unavailable(
            "the tenant cannot be looked up at the moment",
            1,
        )),
        Err(DirectoryError::Store(error)) => {
            tracing::warn!(%error, "tenant directory is unavailable");
            Err(Problem::unavailable(
                "the tenant cannot be looked up at the moment",
                2,
            ))
        }
    }
}

fn usable(tenant: &Tenant) -> Result<(), Problem> {
    match tenant.status {
        TenantStatus::Active => Ok(()),
        TenantStatus::Suspended => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "tenant-suspended",
            "Tenant suspended",
            "this tenant is suspended; ask its owner",
        )),
        TenantStatus::Deleted => Err(Problem::not_found("tenant")),
        TenantStatus::Provisioning | TenantStatus::Failed => {
            Err(Problem::unavailable("this tenant is not ready yet", 2))
        }
    }
}
