//! Access tokens of services.

use auth::{Caller, IssuedToken, Issuer, verify_service_secret};
use secrecy::SecretString;

use super::UserError;

/// Issues the token with which the service `name` calls other services.
///
/// # Errors
/// `WrongServiceSecret`: the secret does not belong to the name.
pub fn issue_service_token(
    issuer: &Issuer,
    master: &SecretString,
    name: &str,
    secret: &SecretString,
) -> Result<IssuedToken, UserError> {
    if !verify_service_secret(master, name, secret) {
        tracing::warn!(service = name, "service token refused: wrong secret");
        return Err(UserError::WrongServiceSecret);
    }
    Ok(issuer.issue(&Caller::service(name))?)
}
