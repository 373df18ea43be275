//! Users, as admins and landlords see them.

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

use super::view::UserView;
use crate::{
    App,
    domain::{EmailAddress, NewPassword, User, UserName, Viewer, Wish},
    use_cases,
};

/// The user that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct CreateUser {
    email: EmailAddress,
    password: NewPassword,
    name: UserName,
    /// `ADMIN`; the landlord may also make `CUSTOMER` and `PLATFORM_ADMIN`.
    #[schema(value_type = String)]
    role: Role,
    /// Of an admin: the code of a new tenant if the landlord asks, else of the caller's own.
    #[schema(value_type = Option<String>, min_length = 3, max_length = 40)]
    tenant_code: Option<TenantCode>,
    /// Of an admin: a tenant that is there already.
    #[schema(value_type = Option<uuid::Uuid>)]
    tenant_id: Option<TenantId>,
}

/// Make a user. An `ADMIN` with a new `tenantCode` starts that tenant's provisioning, which goes on behind the answer:
/// see `/api/users/{id}/database-status`.
#[utoipa::path(tag = "users", request_body = CreateUser,
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key gives the same answer")),
    responses(
        (status = 201, body = UserView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem, description = "there is no such tenant"),
        (status = 409, body = Problem, description = "address or tenant code is taken"),
        (status = 422, body = Problem, description = "the key was used for another request"),
        (status = 503, body = Problem, description = "the tenant service is away")))]
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
    let wanted = use_cases::CreateUser {
        email,
        password,
        name,
        wish: Wish {
            role,
            tenant_code,
            tenant_id,
        },
    };
    let user = use_cases::create_user(&db, app.parts(), &caller, &call, wanted)
        .await
        .map_err(Problem::from)?;
    Ok(Answer::created(
        format!("/api/users/{}", user.id),
        user.into(),
    ))
}

/// Which users to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UserFilter {
    /// Part of a name or address, 3 to 100 characters.
    search: Option<Search>,
}

/// Part of a name or address; fewer characters would find nearly everybody.
#[derive(Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 3, max_length = 100)]
pub(super) struct Search(String);

impl TryFrom<String> for Search {
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

/// List users: the landlord sees all, a tenant's admin those of the tenant.
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
    let search = use_cases::Search {
        tenant,
        text: filter.search.map(|search| search.0),
        page,
    };
    let found = use_cases::list_users(&db, search)
        .await
        .map_err(Problem::from)?;
    let users = found.users.into_iter().map(UserView::from).collect();
    Ok(Answer::ok(Listing::new(&request, page, users, found.total)))
}

/// Read a user: oneself, or as the landlord, or as an admin of the user's tenant.
#[utoipa::path(tag = "users", params(("id" = uuid::Uuid, Path)), responses(
    (status = 200, body = UserView), (status = 401, body = Problem), (status = 404, body = Problem)))]
#[get("/api/users/{id}")]
pub(super) async fn read(
    caller: Caller,
    db: PlatformScope,
    request: HttpRequest,
    id: Path<UserId>,
) -> Result<Answer<UserView>, Error> {
    let user = visible(&caller, &db, &request, *id).await?;
    let version = user.version;
    Ok(Answer::ok(UserView::from(user)).version(version))
}

/// How far the database of an admin's tenant is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DatabaseStatus {
    /// Whether the database is there.
    is_database_created: bool,
    /// The tenant's status: `PROVISIONING`, `ACTIVE`, `SUSPENDED`, `FAILED`.
    #[schema(value_type = String)]
    status: TenantStatus,
}

/// Whether the database of an admin's tenant is ready.
#[utoipa::path(tag = "users", params(("id" = uuid::Uuid, Path)), responses(
    (status = 200, body = DatabaseStatus), (status = 401, body = Problem),
    (status = 404, body = Problem, description = "there is no such user, or the user has no tenant"),
    (status = 503, body = Problem, description = "the tenant cannot be looked up at the moment")))]
#[get("/api/users/{id}/database-status")]
pub(super) async fn database_status(
    caller: Caller,
    app: Data<App>,
    db: PlatformScope,
    request: HttpRequest,
    id: Path<UserId>,
) -> Result<Answer<DatabaseStatus>, Error> {
    let user = visible(&caller, &db, &request, *id).await?;
    let status = use_cases::show_database_status(app.runtime.directory(), &user)
        .await
        .map_err(Problem::from)?;
    Ok(Answer::ok(DatabaseStatus {
        is_database_created: status.is_created,
        status: status.tenant,
    }))
}

/// The user, if the caller may know of them.
async fn visible(
    caller: &Caller,
    db: &PlatformScope,
    request: &HttpRequest,
    id: UserId,
) -> Result<User, Error> {
    let viewer = match caller.role {
        Role::PlatformAdmin | Role::Service => Viewer::Everybody,
        Role::Admin if id != caller.user_id => Viewer::Tenant(
            ActiveTenant::extract(request).await?.tenant().id,
            caller.user_id,
        ),
        Role::Admin | Role::Customer => Viewer::Oneself(caller.user_id),
    };
    Ok(use_cases::find_user(db, viewer, id)
        .await
        .map_err(Problem::from)?)
}
