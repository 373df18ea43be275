//! Resetting a password by e-mail.

use actix_web::{HttpResponse, post, web::Data};
use serde::Deserialize;
use service::{Answer, PlatformScope, Problem, Valid};
use utoipa::ToSchema;

use crate::{
    App,
    domain::{EmailAddress, NewPassword, Secret},
    use_cases,
};

/// The address of the account whose password was forgotten.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ForgottenPassword {
    email: EmailAddress,
}

/// Request an e-mail with a link to set a new password. The response does not reveal whether the account exists.
#[utoipa::path(tag = "auth", request_body = ForgottenPassword, security(()), responses(
    (status = 202, description = "an e-mail is sent if the account exists"), (status = 400, body = Problem)))]
#[post("/api/auth/forgot-password")]
pub(super) async fn forgot(
    db: PlatformScope,
    body: Valid<ForgottenPassword>,
) -> Result<HttpResponse, Problem> {
    use_cases::forgot_password(&db, &body.0.email).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// The token from the e-mail and the new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct PasswordReset {
    token: Secret,
    new_password: NewPassword,
}

/// Set a password with the token from an e-mail.
#[utoipa::path(tag = "auth", request_body = PasswordReset, security(()), responses(
    (status = 204, description = "set; the token is no longer valid"),
    (status = 400, body = Problem, description = "the token or a field is invalid")))]
#[post("/api/auth/reset-password")]
pub(super) async fn reset(
    app: Data<App>,
    db: PlatformScope,
    body: Valid<PasswordReset>,
) -> Result<Answer<()>, Problem> {
    let PasswordReset {
        token,
        new_password,
    } = body.0;
    use_cases::reset_password(&db, &app.hasher, &token, new_password).await?;
    Ok(Answer::no_content())
}
