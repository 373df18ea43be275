//! `/api/tenants`, `/api/tenants/{code}` and its actions.

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    get,
    http::header::CONTENT_TYPE,
    post,
    web::{Data, Path},
};
use auth::{Caller, PlatformAdmin};
use futures::{FutureExt, future::LocalBoxFuture};
use serde::Deserialize;
use service::{
    Answer, Idempotency, IfMatch, ListQuery, Listing, PageParams, PlatformScope, Problem, Valid,
};
use tenancy::{Package, Region, TenantCode, TenantStatus};
use utoipa::{IntoParams, ToSchema};

use super::{operator::Operator, views::TenantView};
use crate::{
    App,
    domain::{BillingEmail, NewTenant, TenantName},
    use_cases,
};

/// The request for a new tenant.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateTenant {
    /// Its unique code: 3 to 40 characters, a-z, 0-9 and single hyphens, not a segment of the API's paths.
    #[schema(value_type = String, example = "acme", min_length = 3, max_length = 40, pattern = "^[a-z][a-z0-9-]*[a-z0-9]$")]
    code: TenantCode,
    /// Its display name.
    #[schema(value_type = String, example = "Acme Ltd", min_length = 1, max_length = 200)]
    name: TenantName,
    /// The region of its data.
    #[schema(value_type = String, example = "eu", min_length = 1, max_length = 32, pattern = "^[a-z][a-z0-9-]*$")]
    region: Region,
    /// The package it pays for.
    #[schema(value_type = String, example = "starter", min_length = 1, max_length = 32, pattern = "^[a-z][a-z0-9-]*$")]
    package: Package,
    /// The e-mail address for invoices and the first invitation.
    #[schema(value_type = String, format = Email, example = "billing@acme.example", max_length = 254)]
    billing_email: BillingEmail,
}

impl From<CreateTenant> for NewTenant {
    fn from(body: CreateTenant) -> Self {
        Self {
            code: body.code,
            name: body.name,
            region: body.region,
            package: body.package,
            billing_email: body.billing_email,
        }
    }
}

/// Create a tenant. Platform administrators and services. Its database is created and its onboarding runs asynchronously;
/// `Location` shows the progress.
#[utoipa::path(tag = "tenants", request_body = CreateTenant, responses(
    (status = 202, body = TenantView),
    (status = 400, body = Problem, description = "a field is invalid"),
    (status = 403, body = Problem, description = "the caller is not a platform administrator or a service"),
    (status = 409, body = Problem, description = "the code is taken"),
    (status = 422, body = Problem, description = "the Idempotency-Key was used for another request"),
))]
#[post("/api/tenants")]
pub async fn create(
    _: Operator,
    app: Data<App>,
    scope: PlatformScope,
    call: Idempotency,
    Valid(body): Valid<CreateTenant>,
) -> Result<Answer<TenantView>, Problem> {
    let tenant = use_cases::create_tenant(&app, &scope, &call, body.into()).await?;
    Ok(Answer::accepted(
        format!("/api/tenants/{}", tenant.code),
        tenant.into(),
    ))
}

/// Which tenants to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TenantFilter {
    /// Text that the code or the name contains.
    search: Option<String>,
    /// PROVISIONING, ACTIVE, SUSPENDED, DELETED or FAILED.
    #[param(value_type = Option<String>)]
    status: Option<TenantStatus>,
}

/// The tenants, newest first. Platform administrators.
#[utoipa::path(tag = "tenants", params(PageParams, TenantFilter), responses(
    (status = 200, body = Listing<TenantView>),
    (status = 400, body = Problem, description = "a query parameter is invalid"),
    (status = 403, body = Problem, description = "the caller is not a platform administrator"),
))]
#[get("/api/tenants")]
pub async fn list(
    _: PlatformAdmin,
    request: HttpRequest,
    scope: PlatformScope,
    query: ListQuery<TenantFilter>,
) -> Result<Answer<Listing<TenantView>>, Problem> {
    let ListQuery { page, filter } = query;
    let search = filter.search.as_deref().filter(|text| !text.is_empty());
    if search.is_some_and(|text| text.contains('\0')) {
        return Err(Problem::invalid("search", "should be text"));
    }
    let (tenants, total) = use_cases::list_tenants(&scope, filter.status, search, page).await?;
    let tenants = tenants.into_iter().map(TenantView::from).collect();
    Ok(Answer::ok(Listing::new(&request, page, tenants, total)))
}

/// One tenant. Platform administrators, services and the tenant's own admins.
#[utoipa::path(tag = "tenants", params(("code" = String, Path, description = "Code or id of the tenant")), responses(
    (status = 200, body = TenantView),
    (status = 404, body = Problem, description = "no such tenant for this caller"),
))]
#[get("/api/tenants/{code}")]
pub async fn read(
    caller: Caller,
    scope: PlatformScope,
    code: Path<String>,
) -> Result<Answer<TenantView>, Problem> {
    let tenant = use_cases::read_tenant(&scope, &caller, &code).await?;
    Ok(Answer::ok(TenantView::from(tenant.clone())).version(tenant.version))
}

/// The reason of a suspension.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// Recorded in the event.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

impl FromRequest for Suspension {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    /// The body is optional.
    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if !request.headers().contains_key(CONTENT_TYPE) {
            return std::future::ready(Ok(Self::default())).boxed_local();
        }
        let body = Valid::<Self>::from_request(request, payload);
        async move {
            let Valid(body) = body.await?;
            match &body.reason {
                Some(reason) if reason.chars().count() > 500 || reason.contains('\0') => Err(
                    Problem::invalid("reason", "should be text of at most 500 characters"),
                ),
                _ => Ok(body),
            }
        }
        .boxed_local()
    }
}

/// Suspend a tenant: every service refuses it within a second. Platform administrators. Idempotent.
#[utoipa::path(tag = "tenants", params(("code" = String, Path, description = "Code or id of the tenant")),
    request_body(content = Suspension, description = "Optional"), responses(
    (status = 200, body = TenantView),
    (status = 400, body = Problem, description = "the body or a header is invalid"),
    (status = 403, body = Problem, description = "the caller is not a platform administrator"),
    (status = 404, body = Problem),
    (status = 409, body = Problem, description = "the tenant is not active"),
    (status = 412, body = Problem, description = "the tenant is not at the version of If-Match"),
))]
#[post("/api/tenants/{code}/suspend")]
pub async fn suspend(
    _: PlatformAdmin,
    scope: PlatformScope,
    call: Idempotency,
    version: IfMatch,
    code: Path<String>,
    body: Suspension,
) -> Result<Answer<TenantView>, Problem> {
    let tenant = use_cases::suspend_tenant(&scope, &call, &code, version, body.reason).await?;
    Ok(Answer::ok(TenantView::from(tenant.clone())).version(tenant.version))
}

/// Activate a suspended tenant. Platform administrators. Idempotent.
#[utoipa::path(tag = "tenants", params(("code" = String, Path, description = "Code or id of the tenant")), responses(
    (status = 200, body = TenantView),
    (status = 403, body = Problem, description = "the caller is not a platform administrator"),
    (status = 404, body = Problem),
    (status = 409, body = Problem, description = "the tenant is being onboarded, has failed or is deleted"),
    (status = 412, body = Problem, description = "the tenant is not at the version of If-Match"),
))]
#[post("/api/tenants/{code}/activate")]
pub async fn activate(
    _: PlatformAdmin,
    scope: PlatformScope,
    call: Idempotency,
    version: IfMatch,
    code: Path<String>,
) -> Result<Answer<TenantView>, Problem> {
    let tenant = use_cases::activate_tenant(&scope, &call, &code, version).await?;
    Ok(Answer::ok(TenantView::from(tenant.clone())).version(tenant.version))
}
