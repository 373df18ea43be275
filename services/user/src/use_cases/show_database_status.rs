//! Whether an admin can begin.

use tenancy::{Directory, TenantStatus};

use super::UserError;
use crate::domain::User;

/// How far the database of an admin's tenant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseStatus {
    /// Whether it is there.
    pub is_created: bool,
    /// Where the tenant is in its life.
    pub tenant: TenantStatus,
}

/// Looks up the database of the user's tenant.
///
/// # Errors
/// `NoTenant` for a user without one; `Directory` when the tenant cannot be looked up.
pub async fn show_database_status(
    directory: &Directory,
    user: &User,
) -> Result<DatabaseStatus, UserError> {
    let own = user.standing.tenant().ok_or(UserError::NoTenant)?;
    let tenant = directory.by_id(own.id).await?.ok_or(UserError::NoTenant)?;
    // A tenant is placed on a cluster in the moment in which its database is ready.
    let is_created = tenant.cluster.is_some() && tenant.status != TenantStatus::Deleted;
    Ok(DatabaseStatus {
        is_created,
        tenant: tenant.status,
    })
}
