//! How each refusal is answered: the one place that decides on status and type.

use actix_web::http::StatusCode;
use auth::AuthError;
use service::Problem;

use crate::{
    domain::Refusal, passwords::PasswordsError, tenants::NewTenantError, use_cases::UserError,
};

impl From<UserError> for Problem {
    fn from(refused: UserError) -> Self {
        let words = refused.to_string();
        match refused {
            UserError::EmailTaken => Self::conflict("email-taken", words),
            UserError::WrongCredentials => unauthenticated("wrong-credentials", words),
            UserError::WrongSecret => unauthenticated("wrong-secret", words),
            UserError::TenantSuspended => Self::new(
                StatusCode::FORBIDDEN,
                "tenant-suspended",
                "Tenant suspended",
                words,
            ),
            UserError::TokenNotGood => {
                let mut problem = Self::invalid("token", words);
                "/problems/token-not-good".clone_into(&mut problem.kind);
                problem
            }
            UserError::NoUser => Self::not_found("user"),
            UserError::NoTenant => Self::not_found("tenant"),
            UserError::NotWaiting => Self::conflict("not-waiting", words),
            UserError::WeakPassword { field, cause } => Self::invalid(field, cause.to_string()),
            UserError::Refusal(Refusal::NotAllowed(why)) => Self::forbidden(why),
            UserError::Refusal(Refusal::Contradiction { field, message }) => {
                Self::invalid(field, message)
            }
            UserError::Passwords(PasswordsError::Busy(_)) => {
                Self::unavailable("too many logins at the moment", 1)
            }
            UserError::NewTenant(NewTenantError::Taken) => {
                Self::conflict("tenant-code-taken", words)
            }
            UserError::NewTenant(NewTenantError::Unavailable(cause)) => {
                tracing::warn!(cause, "no new tenant");
                Self::unavailable(
                    "the tenant cannot be made at the moment; try again with the same Idempotency-Key",
                    2,
                )
            }
            UserError::Directory(cause) => {
                tracing::warn!(%cause, "no look into the tenant directory");
                Self::unavailable("the tenant cannot be looked up at the moment", 2)
            }
            UserError::Idempotency(cause) => cause.into(),
            UserError::Store(cause) => cause.into(),
            UserError::Passwords(PasswordsError::Broken(_))
            | UserError::NewTenant(NewTenantError::Rejected(_))
            | UserError::Signing(_) => Self::internal(&words),
        }
    }
}

/// 401, with the header that belongs to it.
fn unauthenticated(kind: &str, detail: String) -> Problem {
    let mut problem = Problem::from(AuthError::Missing);
    problem.kind = format!("/problems/{kind}");
    problem.detail = detail;
    problem
}
