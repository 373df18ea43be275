//! Users, for admins and platform admins.

use actix_web::{
    Error, FromRequest, HttpRequest, get, post,
    web::{Data, Path},
};
use auth::{AuthError, Caller, Role, UserId};
use serde::{Deserialize, Serialize};
use service::{
    ActiveTenant, Answer, Idempotency, ListQuery, Listing, PageParams, PlatformScope, Problem,
    Valid,
};
use tenancy::{TenantCode, TenantId, TenantStatus};
use utoipa::{IntoParams, ToSchema};

use super::views::UserView;
use crate::{
    App,
    domain::{EmailAddress, NewPassword, RequestedMembership, User, UserName, Visibility},
    use_cases,
};

/// A request to create a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct CreateUser {
    email: EmailAddress,
    password: NewPassword,
    name: UserName,
    /// `ADMIN`; a platform admin may also create `CUSTOMER` and `PLATFORM_ADMIN`.
    #[schema(value_type = String)]
    role: Role,
    /// Tenant code of an `ADMIN`: a new tenant's if the caller is a platform admin, else the caller's own.
    #[schema(value_type = Option<String>, min_length = 3, max_length = 40)]
    tenant_code: Option<TenantCode>,
    /// Id of an existing tenant, for an `ADMIN`.
    #[schema(value_type = Option<uuid::Uuid>)]
    tenant_id: Option<TenantId>,
}

/// Create a user. An `ADMIN` with a new `tenantCode` starts the provisioning of that tenant, which continues
/// asynchronously: see `/api/users/{id}/database-status`.
#[utoipa::path(tag = "users", request_body = CreateUser,
    params(("Idempotency-Key" = Option<String>, Header, description = "a retry with the same key returns the first response")),
    responses(
        (status = 201, body = UserView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem, description = "the tenant does not exist"),
        (status = 409, body = Problem, description = "the address or the tenant code is taken"),
        (status = 422, body = Problem, description = "the key was used for another request"),
        (status = 503, body = Problem, description = "the tenant service is unavailable")))]
#[post("/api/users")]
pub(super) async fn create(
    caller: Caller,
    app: Data<App>,
    db: PlatformScope,
    request: HttpRequest,
    call: Idempotency,
    body: Valid<CreateUser>,
) -> Result<Answer<UserView>, Error> {
    if caller.role == Role::Admin {
        ActiveTenant::extract(&request).await?;
    }
    let CreateUser {
        email,
        password,
        name,
        role,
        tenant_code,
        tenant_id,
    } = body.0;
    let new_user = use_cases::CreateUser {
        email,
        password,
        name,
        membership: RequestedMembership {
            role,
            tenant_code,
            tenant_id,
        },
    };
    let user = use_cases::create_user(&db, app.create_user_context(), &caller, &call, new_user)
        .await
        .map_err(Problem::from)?;
    Ok(Answer::created(
        format!("/api/users/{}", user.id),
        user.into(),
    ))
}

/// Filter of the list of users.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UserFilter {
    /// Part of a name or address, 3 to 100 characters.
    search: Option<SearchText>,
}

/// Part of a name or address. Shorter text would match nearly every user.
#[derive(Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 3, max_length = 100)]
pub(super) struct SearchText(String);

impl TryFrom<String> for SearchText {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = (3..=100).contains(&text.chars().count()) && !text.contains('\0');
        if fits {
            Ok(Self(text))
        } else {
            Err("should be 3 to 100 characters")
        }
    }
}

/// List users: all for a platform admin, the tenant's for an admin.
#[utoipa::path(tag = "users", params(PageParams, UserFilter), responses(
    (status = 200, body = Listing<UserView>), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 403, body = Problem)))]
#[get("/api/users")]
pub(super) async fn list(
    caller: Caller,
    db: PlatformScope,
    request: HttpRequest,
    ListQuery { page, filter }: ListQuery<UserFilter>,
) -> Result<Answer<Listing<UserView>>, Error> {
    let tenant = match caller.role {
        Role::PlatformAdmin => None,
        Role::Admin => Some(ActiveTenant::extract(&request).await?.tenant().id),
        Role::Customer | Role::Service => {
            return Err(AuthError::Forbidden {
                required: Role::Admin.as_str(),
            }
            .into());
        }
    };
    let search = use_cases::UserSearch {
        tenant,
        text: filter.search.map(|search| search.0),
        page,
    };
    let listed = use_cases::list_users(&db, search)
        .await
        .map_err(Problem::from)?;
    let users = listed.users.into_iter().map(UserView::from).collect();
    Ok(Answer::ok(Listing::new(
        &request,
        page,
        users,
        listed.total,
    )))
}

/// Read a user: the caller, any user for a platform admin, users of the tenant for its admin.
#[utoipa::path(tag = "users", params(("id" = uuid::Uuid, Path)), responses(
    (status = 200, body = UserView), (status = 401, body = Problem), (status = 404, body = Problem)))]
#[get("/api/users/{id}")]
pub(super) async fn read(
    caller: Caller,
    db: PlatformScope,
    request: HttpRequest,
    id: Path<UserId>,
) -> Result<Answer<UserView>, Error> {
    let user = find_visible(&caller, &db, &request, *id).await?;
    let version = user.version;
    Ok(Answer::ok(UserView::from(user)).version(version))
}

/// Provisioning status of the database of an admin's tenant.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DatabaseStatus {
    /// Whether the database exists.
    is_database_created: bool,
    /// The tenant's status: `PROVISIONING`, `ACTIVE`, `SUSPENDED`, `FAILED`.
    #[schema(value_type = String)]
    status: TenantStatus,
}

/// Whether the database of an admin's tenant is ready.
#[utoipa::path(tag = "users", params(("id" = uuid::Uuid, Path)), responses(
    (status = 200, body = DatabaseStatus), (status = 401, body = Problem),
    (status = 404, body = Problem, description = "the user does not exist or has no tenant"),
    (status = 503, body = Problem, description = "the tenant cannot be looked up at the moment")))]
#[get("/api/users/{id}/database-status")]
pub(super) async fn database_status(
    caller: Caller,
    app: Data<App>,
    db: PlatformScope,
    request: HttpRequest,
    id: Path<UserId>,
) -> Result<Answer<DatabaseStatus>, Error> {
    let user = find_visible(&caller, &db, &request, *id).await?;
    let status = use_cases::show_database_status(app.runtime.directory(), &user)
        .await
        .map_err(Problem::from)?;
    Ok(Answer::ok(DatabaseStatus {
        is_database_created: status.is_created,
        status: status.tenant,
    }))
}

/// The user, if the caller may see them.
async fn find_visible(
    caller: &Caller,
    db: &PlatformScope,
    request: &HttpRequest,
    id: UserId,
) -> Result<User, Error> {
    let visibility = match caller.role {
        Role::PlatformAdmin | Role::Service => Visibility::All,
        Role::Admin if id != caller.user_id => Visibility::TenantAndSelf(
            ActiveTenant::extract(request).await?.tenant().id,
            caller.user_id,
        ),
        Role::Admin | Role::Customer => Visibility::SelfOnly(caller.user_id),
    };
    Ok(use_cases::find_user(db, visibility, id)
        .await
        .map_err(Problem::from)?)
}
