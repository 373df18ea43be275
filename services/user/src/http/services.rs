//! Endpoints for other services: service tokens, password tokens, public keys.

use actix_web::{HttpResponse, get, http::header::CACHE_CONTROL, post, web::Data};
use auth::{AuthError, ServiceCaller};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use service::{Answer, PlatformScope, Problem, Valid};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::views::BearerToken;
use crate::{App, domain::Purpose, use_cases};

/// The only service that may obtain password tokens, because it sends the e-mails.
const EMAIL_SENDER: &str = "notification";

/// A service's name and secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceCredentials {
    /// The service's name.
    #[schema(max_length = 64)]
    service: ServiceName,
    /// The service's secret.
    #[schema(value_type = String, format = Password)]
    secret: SecretString,
}

/// The name of a service: lower-case letters and hyphens.
#[derive(Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String)]
pub(super) struct ServiceName(String);

impl TryFrom<String> for ServiceName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        if fits {
            Ok(Self(text))
        } else {
            Err("should be a service's name: lower-case letters and hyphens")
        }
    }
}

/// Issue an access token for a service's own calls.
#[utoipa::path(tag = "services", request_body = ServiceCredentials, security(()), responses(
    (status = 200, body = BearerToken), (status = 400, body = Problem),
    (status = 401, body = Problem, description = "the service or the secret is wrong")))]
#[post("/api/auth/service-token")]
pub(super) async fn service_token(
    app: Data<App>,
    body: Valid<ServiceCredentials>,
) -> Result<Answer<BearerToken>, Problem> {
    let ServiceCredentials {
        service: ServiceName(name),
        secret,
    } = body.0;
    let issued = use_cases::issue_service_token(&app.issuer, &app.master, &name, &secret)?;
    Ok(Answer::ok(issued.into()))
}

/// The user that an e-mail is written for, and its purpose.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct PasswordTokenRequest {
    user_id: Uuid,
    purpose: Purpose,
}

/// The secret for the e-mail.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PasswordToken {
    /// The token for the link.
    token: String,
    /// When it expires.
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

/// Issue the secret for an e-mail that lets its recipient set a password. Only for the notification service.
#[utoipa::path(tag = "services", request_body = PasswordTokenRequest, responses(
    (status = 200, body = PasswordToken), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem, description = "the user has no open request for this token")))]
#[post("/api/auth/password-tokens")]
pub(super) async fn password_tokens(
    caller: ServiceCaller,
    db: PlatformScope,
    body: Valid<PasswordTokenRequest>,
) -> Result<Answer<PasswordToken>, Problem> {
    if caller.service.as_deref() != Some(EMAIL_SENDER) {
        return Err(AuthError::Forbidden {
            required: "SERVICE (notification)",
        }
        .into());
    }
    let minted = use_cases::mint_password_token(&db, body.0.user_id.into(), body.0.purpose).await?;
    Ok(Answer::ok(PasswordToken {
        token: minted.token.expose().to_owned(),
        expires_at: minted.expires_at,
    }))
}

/// The public keys that verify access tokens, as a JSON Web Key Set (RFC 7517).
#[utoipa::path(tag = "services", security(()), responses((status = 200, description = "the key set")))]
#[get("/.well-known/jwks.json")]
pub(super) async fn jwks(app: Data<App>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "public, max-age=60"))
        .json(app.issuer.jwks())
}
