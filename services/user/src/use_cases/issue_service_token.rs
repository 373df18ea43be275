//! A service identifies itself.

use auth::{Caller, IssuedToken, Issuer, verify_service_secret};
use secrecy::SecretString;

use super::UserError;

/// Signs the token with which the service `name` calls others.
///
/// # Errors
/// `WrongSecret`: the secret is not that of the name.
pub fn issue_service_token(
    issuer: &Issuer,
    master: &SecretString,
    name: &str,
    secret: &SecretString,
) -> Result<IssuedToken, UserError> {
    if !verify_service_secret(master, name, secret) {
        tracing::warn!(service = name, "a service's secret is wrong");
        return Err(UserError::WrongSecret);
    }
    Ok(issuer.issue(&Caller::service(name))?)
}
