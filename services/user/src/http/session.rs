//! Registration, login and the caller's profile.

use actix_web::{get, post, web::Data};
use auth::Caller;
use serde::Deserialize;
use service::{Answer, PlatformScope, Problem, Valid};
use utoipa::ToSchema;

use super::views::{BearerToken, UserView};
use crate::{
    App,
    domain::{EmailAddress, NewPassword, SubmittedPassword, UserName, Visibility},
    use_cases,
};

/// A request for a customer account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Registration {
    email: EmailAddress,
    password: NewPassword,
    name: UserName,
}

/// Register as a customer.
#[utoipa::path(tag = "auth", request_body = Registration, security(()), responses(
    (status = 201, body = UserView), (status = 400, body = Problem, description = "a field is invalid"),
    (status = 409, body = Problem, description = "the address is taken"),
    (status = 503, body = Problem, description = "too many passwords are being hashed")))]
#[post("/api/auth/register")]
pub(super) async fn register(
    app: Data<App>,
    db: PlatformScope,
    body: Valid<Registration>,
) -> Result<Answer<UserView>, Problem> {
    let Registration {
        email,
        password,
        name,
    } = body.0;
    let registration = use_cases::Registration {
        email,
        password,
        name,
    };
    let user = use_cases::register(&db, &app.hasher, registration).await?;
    Ok(Answer::created(
        format!("/api/users/{}", user.id),
        user.into(),
    ))
}

/// E-mail address and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    email: EmailAddress,
    password: SubmittedPassword,
}

/// Log in.
#[utoipa::path(tag = "auth", request_body = Credentials, security(()), responses(
    (status = 200, body = BearerToken), (status = 400, body = Problem),
    (status = 401, body = Problem, description = "the address or the password is wrong"),
    (status = 403, body = Problem, description = "the user's tenant is suspended"),
    (status = 503, body = Problem, description = "too many logins at the moment")))]
#[post("/api/auth/login")]
pub(super) async fn login(
    app: Data<App>,
    db: PlatformScope,
    body: Valid<Credentials>,
) -> Result<Answer<BearerToken>, Problem> {
    let Credentials { email, password } = body.0;
    let directory = app.runtime.directory();
    let issued =
        use_cases::log_in(&db, &app.hasher, directory, &app.issuer, email, password).await?;
    Ok(Answer::ok(issued.into()))
}

/// The caller's own account.
#[utoipa::path(tag = "auth", responses((status = 200, body = UserView), (status = 401, body = Problem)))]
#[get("/api/auth/profile")]
pub(super) async fn profile(
    caller: Caller,
    db: PlatformScope,
) -> Result<Answer<UserView>, Problem> {
    let visibility = Visibility::SelfOnly(caller.user_id);
    let user = use_cases::find_user(&db, visibility, caller.user_id).await?;
    Ok(Answer::ok(user.into()))
}
