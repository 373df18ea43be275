//! `/api/tenants` and what is below it.

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
use service::{Answer, Idempotency, IfMatch, Listing, Page, PlatformScope, Problem, Query, Valid};
use tenancy::{Package, Region, TenantCode, TenantStatus};
use utoipa::{IntoParams, ToSchema};

use super::{callers::Operator, views::TenantView};
use crate::{
    App,
    domain::{BillingEmail, Draft, TenantName},
    use_cases,
};

/// A tenant that is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateTenant {
    /// Its unique code: 3 to 40 characters, a-z, 0-9 and single hyphens, not a word of the API's paths.
    #[schema(value_type = String, example = "acme", min_length = 3, max_length = 40, pattern = "^[a-z][a-z0-9-]*[a-z0-9]$")]
    code: TenantCode,
    /// Its name for people.
    #[schema(value_type = String, example = "Acme Ltd", min_length = 1, max_length = 200)]
    name: TenantName,
    /// Where its data is to live.
    #[schema(value_type = String, example = "eu", min_length = 1, max_length = 32, pattern = "^[a-z][a-z0-9-]*$")]
    region: Region,
    /// What it pays for.
    #[schema(value_type = String, example = "starter", min_length = 1, max_length = 32, pattern = "^[a-z][a-z0-9-]*$")]
    package: Package,
    /// Where its bills and its first invitation go.
    #[schema(value_type = String, format = Email, example = "billing@acme.example", max_length = 254)]
    billing_email: BillingEmail,
}

impl From<CreateTenant> for Draft {
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

/// Ask for a tenant. Its database and its onboarding go on behind the answer; watch `Location`.
#[utoipa::path(tag = "tenants", request_body = CreateTenant, responses(
    (status = 202, body = TenantView),
    (status = 400, body = Problem, description = "a field cannot be used"),
    (status = 403, body = Problem, description = "only the landlord and machines may"),
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

/// Which tenants are listed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// The page, from 1.
    #[param(minimum = 1)]
    page: Option<u32>,
    /// Tenants a page, 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    per_page: Option<u32>,
    /// A text in code or name.
    search: Option<String>,
    /// PROVISIONING, ACTIVE, SUSPENDED, DELETED or FAILED.
    #[param(value_type = Option<String>)]
    status: Option<TenantStatus>,
}

/// The tenants, the newest first.
#[utoipa::path(tag = "tenants", params(Wanted), responses(
    (status = 200, body = Listing<TenantView>),
    (status = 400, body = Problem, description = "the query cannot be used"),
    (status = 403, body = Problem, description = "only the landlord may"),
))]
#[get("/api/tenants")]
pub async fn list(
    _: PlatformAdmin,
    request: HttpRequest,
    scope: PlatformScope,
    Query(wanted): Query<Wanted>,
) -> Result<Answer<Listing<TenantView>>, Problem> {
    let page = Page::new(wanted.page, wanted.per_page)?;
    let search = wanted.search.as_deref().filter(|text| !text.is_empty());
    if search.is_some_and(|text| text.contains('\0')) {
        return Err(Problem::invalid("search", "should be text"));
    }
    let (tenants, total) = use_cases::list_tenants(&scope, wanted.status, search, page).await?;
    let tenants = tenants.into_iter().map(TenantView::from).collect();
    Ok(Answer::ok(Listing::new(&request, page, tenants, total)))
}

/// One tenant. For the landlord, machines and the tenant's own admin.
#[utoipa::path(tag = "tenants", params(("code" = String, Path, description = "Its code or id")), responses(
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

/// Why a tenant is suspended.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// For the landlord's records.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

impl FromRequest for Suspension {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    /// The body may be left out.
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

/// Suspend a tenant: every service refuses it within a second. Suspending it again changes nothing.
#[utoipa::path(tag = "tenants", params(("code" = String, Path, description = "Its code or id")),
    request_body(content = Suspension, description = "May be left out"), responses(
    (status = 200, body = TenantView),
    (status = 400, body = Problem, description = "the body or a header cannot be used"),
    (status = 403, body = Problem, description = "only the landlord may"),
    (status = 404, body = Problem),
    (status = 409, body = Problem, description = "it is not open for business"),
    (status = 412, body = Problem, description = "it has changed since If-Match"),
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

/// Open a suspended tenant again. Activating one that is open changes nothing.
#[utoipa::path(tag = "tenants", params(("code" = String, Path, description = "Its code or id")), responses(
    (status = 200, body = TenantView),
    (status = 403, body = Problem, description = "only the landlord may"),
    (status = 404, body = Problem),
    (status = 409, body = Problem, description = "it is not ready yet, has failed or is deleted"),
    (status = 412, body = Problem, description = "it has changed since If-Match"),
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
