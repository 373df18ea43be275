//! HTTP status and problem type of each error.

use actix_web::http::StatusCode;
use auth::AuthError;
use service::Problem;

use crate::{
    domain::CreationError, password_hasher::PasswordHasherError, tenants::NewTenantError,
    use_cases::UserError,
};

impl From<UserError> for Problem {
    fn from(error: UserError) -> Self {
        let detail = error.to_string();
        match error {
            UserError::EmailTaken => Self::conflict("email-taken", detail),
            UserError::WrongCredentials => unauthenticated("wrong-credentials", detail),
            UserError::WrongServiceSecret => unauthenticated("wrong-secret", detail),
            UserError::TenantSuspended => Self::new(
                StatusCode::FORBIDDEN,
                "tenant-suspended",
                "Tenant suspended",
                detail,
            ),
            UserError::InvalidToken => {
                let mut problem = Self::invalid("token", detail);
                "/problems/token-not-good".clone_into(&mut problem.kind);
                problem
            }
            UserError::UserNotFound => Self::not_found("user"),
            UserError::TenantNotFound => Self::not_found("tenant"),
            UserError::TokenNotRequested => Self::conflict("not-waiting", detail),
            UserError::WeakPassword { field, cause } => Self::invalid(field, cause.to_string()),
            UserError::Creation(CreationError::NotAllowed(reason)) => Self::forbidden(reason),
            UserError::Creation(CreationError::Invalid { field, message }) => {
                Self::invalid(field, message)
            }
            UserError::Hashing(PasswordHasherError::QueueFull(_)) => {
                Self::unavailable("too many logins at the moment; try again shortly", 1)
            }
            UserError::NewTenant(NewTenantError::Taken) => {
                Self::conflict("tenant-code-taken", detail)
            }
            UserError::NewTenant(NewTenantError::Unavailable(cause)) => {
                tracing::warn!(
                    cause,
                    "tenant service is unavailable, no tenant was created"
                );
                Self::unavailable(
                    "the tenant cannot be created at the moment; try again with the same Idempotency-Key",
                    2,
                )
            }
            UserError::Directory(cause) => {
                tracing::warn!(%cause, "tenant directory is unavailable");
                Self::unavailable("the tenant cannot be looked up at the moment", 2)
            }
            UserError::Idempotency(cause) => cause.into(),
            UserError::Store(cause) => cause.into(),
            UserError::Hashing(PasswordHasherError::Failed(_))
            | UserError::NewTenant(NewTenantError::Rejected(_))
            | UserError::Signing(_) => Self::internal(&detail),
        }
    }
}

/// 401 with the `WWW-Authenticate` header of a missing token.
fn unauthenticated(kind: &str, detail: String) -> Problem {
    let mut problem = Problem::from(AuthError::Missing);
    problem.kind = format!("/problems/{kind}");
    problem.detail = detail;
    problem
}
