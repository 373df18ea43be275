//! Everything a use case can refuse.

use auth::KeyError;
use service::{StoreError, scope::IdempotencyError};
use tenancy::DirectoryError;

use crate::{
    domain::{Refusal, WeakPassword},
    passwords::PasswordsError,
    tenants::NewTenantError,
};

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The address belongs to somebody.
    #[error("this e-mail address already has an account")]
    EmailTaken,
    /// Unknown address or wrong password; which of the two is not told.
    #[error("e-mail address or password is wrong")]
    WrongCredentials,
    /// The user's tenant is suspended or gone.
    #[error("your tenant is suspended")]
    TenantSuspended,
    /// The secret of a mail is unknown, used, or too old.
    #[error("the token is unknown, used, or has expired; ask for a new one")]
    TokenNotGood,
    /// There is no such user that the caller may know of.
    #[error("there is no such user")]
    NoUser,
    /// There is no such tenant.
    #[error("there is no such tenant")]
    NoTenant,
    /// The user may not set a password for this purpose now.
    #[error("the user is not waiting for such a token")]
    NotWaiting,
    /// A service's secret is wrong.
    #[error("service or secret is wrong")]
    WrongSecret,
    /// The password is one that its owner should not choose.
    #[error("{field}: {cause}")]
    WeakPassword {
        /// Where it was given.
        field: &'static str,
        /// What is wrong with it.
        cause: WeakPassword,
    },
    /// The caller may not, or the wish contradicts itself.
    #[error(transparent)]
    Refusal(#[from] Refusal),
    /// Passwords cannot be hashed now.
    #[error(transparent)]
    Passwords(#[from] PasswordsError),
    /// The tenant was not made.
    #[error(transparent)]
    NewTenant(#[from] NewTenantError),
    /// The tenant cannot be looked up.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The token cannot be signed.
    #[error(transparent)]
    Signing(#[from] KeyError),
    /// The `Idempotency-Key` forbids it.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}
