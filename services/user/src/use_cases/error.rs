//! The errors of use cases.

use auth::KeyError;
use service::{StoreError, scope::IdempotencyError};
use tenancy::DirectoryError;

use crate::{
    domain::{CreationError, WeakPassword},
    password_hasher::PasswordHasherError,
    tenants::NewTenantError,
};

/// Why a use case failed. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The address belongs to another user.
    #[error("this e-mail address already has an account")]
    EmailTaken,
    /// Unknown address or wrong password; the message does not say which.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// The user's tenant is suspended or deleted.
    #[error("your tenant is suspended")]
    TenantSuspended,
    /// The token of an e-mail is unknown, used, or has expired.
    #[error("the token is unknown, used, or has expired; request a new one")]
    InvalidToken,
    /// The user does not exist, or the caller may not see them.
    #[error("the user does not exist")]
    UserNotFound,
    /// The tenant does not exist.
    #[error("the tenant does not exist")]
    TenantNotFound,
    /// The user has not requested a token for this purpose, or has a password already.
    #[error("the user has no open request for this token")]
    TokenNotRequested,
    /// The service's secret is wrong.
    #[error("the service or the secret is wrong")]
    WrongServiceSecret,
    /// The new password is not acceptable for this user.
    #[error("{field}: {cause}")]
    WeakPassword {
        /// The field that holds it.
        field: &'static str,
        /// Why it is rejected.
        cause: WeakPassword,
    },
    /// The caller may not create this user, or the request contradicts itself.
    #[error(transparent)]
    Creation(#[from] CreationError),
    /// The password could not be hashed or verified.
    #[error(transparent)]
    Hashing(#[from] PasswordHasherError),
    /// The tenant was not created.
    #[error(transparent)]
    NewTenant(#[from] NewTenantError),
    /// The tenant cannot be looked up.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The access token cannot be signed: an internal error.
    #[error(transparent)]
    Signing(#[from] KeyError),
    /// The `Idempotency-Key` was used for another request, or its request is still in progress.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// A statement or transaction failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
