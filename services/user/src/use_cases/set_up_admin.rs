//! The first admin of a tenant that was created without one.

use crate::{
    domain::{EmailAddress, InitialCredential, Membership, User, UserName, UserTenant},
    store::users,
};
use service::{StoreError, Tx};

/// Why no admin was invited.
#[derive(Debug, thiserror::Error)]
pub enum SetUpAdminError {
    /// The address belongs to a user who is not an admin of this tenant. A customer does not become an admin because a
    /// tenant names their address; an operator has to decide.
    #[error(
        "the tenant's billing address belongs to a user who is not its admin; \
         create an admin with POST /api/users, role ADMIN and this tenantId"
    )]
    EmailTaken,
    /// A statement failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Invites the first admin of a tenant, unless it has one.
///
/// # Errors
/// `EmailTaken`: no admin was invited, and a retry fails as well.
pub async fn set_up_admin(
    tx: &mut Tx,
    tenant: UserTenant,
    email: EmailAddress,
    name: UserName,
) -> Result<(), SetUpAdminError> {
    if users::has_admin(tx, tenant.id).await? {
        return Ok(());
    }
    let id = tenant.id;
    let admin = User::new(email, name, Membership::Admin(tenant), tx.now());
    if users::insert(tx, &admin, None).await? {
        tx.publish(admin.id, 1, &admin.created(InitialCredential::Invitation))
            .await?;
        return Ok(());
    }
    // A concurrent transaction may have created this admin together with the tenant.
    if users::has_admin(tx, id).await? {
        Ok(())
    } else {
        Err(SetUpAdminError::EmailTaken)
    }
}
