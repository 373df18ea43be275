//! A tenant gets its first admin.

use crate::{
    domain::{EmailAddress, Made, OwnTenant, Standing, User, UserName},
    store::users,
};
use service::{StoreError, Tx};

/// Why the tenant has no admin yet.
#[derive(Debug, thiserror::Error)]
pub enum NoAdmin {
    /// The address already is somebody else's. A customer does not become an admin because a tenant names their address:
    /// a person has to decide.
    #[error(
        "the tenant's billing address already has an account that is not an admin of it; \
         name another admin: POST /api/users with role ADMIN and this tenantId"
    )]
    AddressTaken,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Invites the first admin of a tenant, unless it has one.
///
/// # Errors
/// `AddressTaken`: nobody was invited, and trying again will not help.
pub async fn set_up_admin(
    tx: &mut Tx,
    tenant: OwnTenant,
    email: EmailAddress,
    name: UserName,
) -> Result<(), NoAdmin> {
    if users::has_admin(tx, tenant.id).await? {
        return Ok(());
    }
    let id = tenant.id;
    let admin = User::new(email, name, Standing::Admin(tenant), tx.now());
    if users::insert(tx, &admin, None).await? {
        tx.publish(admin.id, 1, &admin.created(Made::Invited))
            .await?;
        return Ok(());
    }
    // Whoever just took the address may be the admin who was being made together with the tenant.
    if users::has_admin(tx, id).await? {
        Ok(())
    } else {
        Err(NoAdmin::AddressTaken)
    }
}
