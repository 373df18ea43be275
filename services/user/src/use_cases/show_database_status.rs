//! The provisioning status of an admin's tenant database.

use tenancy::{Directory, TenantStatus};

use super::UserError;
use crate::domain::User;

/// Provisioning status of a tenant's database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseStatus {
    /// Whether the database exists.
    pub is_created: bool,
    /// The tenant's status.
    pub tenant: TenantStatus,
}

/// Looks up the database status of the user's tenant.
///
/// # Errors
/// `TenantNotFound` for a user without a tenant; `Directory` when the tenant cannot be looked up.
pub async fn show_database_status(
    directory: &Directory,
    user: &User,
) -> Result<DatabaseStatus, UserError> {
    let own = user.membership.tenant().ok_or(UserError::TenantNotFound)?;
    let tenant = directory
        .by_id(own.id)
        .await?
        .ok_or(UserError::TenantNotFound)?;
    // A tenant is assigned to a cluster when its database is ready.
    let is_created = tenant.cluster.is_some() && tenant.status != TenantStatus::Deleted;
    Ok(DatabaseStatus {
        is_created,
        tenant: tenant.status,
    })
}
