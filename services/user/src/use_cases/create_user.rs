//! Creation of a user by an admin or a platform admin.

use auth::Caller;
use serde::Serialize;
use service::{Begun, Idempotency, PlatformScope, Tx};
use tenancy::{Directory, TenantId, TenantStatus};

use super::UserError;
use crate::{
    domain::{
        CreationPlan, EmailAddress, InitialCredential, Membership, NewPassword,
        RequestedMembership, User, UserName, UserTenant, plan_creation,
    },
    password_hasher::PasswordHasher,
    store::users,
    tenants::{NewTenant, TenantService},
};

/// A request to create a user.
#[derive(Debug)]
pub struct CreateUser {
    /// The address to log in with.
    pub email: EmailAddress,
    /// The initial password.
    pub password: NewPassword,
    /// The display name.
    pub name: UserName,
    /// The requested role and tenant.
    pub membership: RequestedMembership,
}

/// The part of a request that its idempotency key is bound to: all but the password, of which no fast hash may be stored.
#[derive(Serialize)]
struct Fingerprint<'a> {
    email: &'a EmailAddress,
    name: &'a UserName,
    role: auth::Role,
    tenant_code: Option<String>,
    tenant_id: Option<TenantId>,
}

/// Creates a user. An admin with a new tenant code also gets that tenant created; its database is provisioned
/// asynchronously.
///
/// # Errors
/// `Creation` if the caller is not allowed to; `EmailTaken`; `NewTenant` if the code is taken or the tenant service is
/// unavailable; `TenantNotFound`; `Idempotency`.
pub async fn create_user(
    db: &PlatformScope,
    context: CreateUserContext<'_>,
    caller: &Caller,
    call: &Idempotency,
    request: CreateUser,
) -> Result<User, UserError> {
    let CreateUser {
        email,
        password,
        name,
        membership,
    } = request;
    password
        .allowed_for(&email)
        .map_err(|cause| UserError::WeakPassword {
            field: "password",
            cause,
        })?;
    let fingerprint = Fingerprint {
        email: &email,
        name: &name,
        role: membership.role,
        tenant_code: membership.tenant_code.as_ref().map(ToString::to_string),
        tenant_id: membership.tenant_id,
    };
    let plan = plan_creation(caller, membership.clone())?;
    let hash = context.hasher.hash(password).await?;
    let mut tx = match db.begin_once::<User>(call, &fingerprint).await? {
        Begun::Replayed(user) => return Ok(user),
        Begun::First(tx) => tx,
    };
    let membership = match &plan {
        CreationPlan::Ready(membership) => membership.clone(),
        CreationPlan::InExistingTenant(id) => {
            Membership::Admin(find_tenant(context.directory, *id).await?)
        }
        // The user is inserted before the tenant is created, so that a taken address creates no tenant. The tenant's id
        // is not known yet; this placeholder is replaced before the commit.
        CreationPlan::WithNewTenant(code) => Membership::Admin(UserTenant {
            id: TenantId::generate(),
            code: code.clone(),
        }),
    };
    let mut user = User::new(email, name, membership, tx.now());
    if !users::insert(&tx, &user, Some(&hash)).await? {
        return Err(UserError::EmailTaken);
    }
    if let CreationPlan::WithNewTenant(_) = plan {
        user.membership =
            Membership::Admin(create_tenant(&mut tx, context.tenants, call, &user).await?);
    }
    tx.publish(user.id, 1, &user.created(InitialCredential::Password))
        .await?;
    tx.commit_once(&user).await?;
    Ok(user)
}

/// What [`create_user`] needs besides the database.
#[derive(Clone, Copy)]
pub struct CreateUserContext<'a> {
    /// Hashes the password.
    pub hasher: &'a PasswordHasher,
    /// Creates tenants.
    pub tenants: &'a TenantService,
    /// Looks up existing tenants.
    pub directory: &'a Directory,
}

async fn find_tenant(directory: &Directory, id: TenantId) -> Result<UserTenant, UserError> {
    let tenant = directory
        .by_id(id)
        .await?
        .filter(|tenant| tenant.status != TenantStatus::Deleted);
    tenant
        .map(|tenant| UserTenant {
            id,
            code: tenant.code.clone(),
        })
        .ok_or(UserError::TenantNotFound)
}

/// Creates the tenant and assigns the new admin to it. If the commit fails afterwards, the tenant's onboarding invites the
/// same address.
async fn create_tenant(
    tx: &mut Tx,
    tenants: &TenantService,
    call: &Idempotency,
    admin: &User,
) -> Result<UserTenant, UserError> {
    let Some(requested) = admin.membership.tenant() else {
        return Err(UserError::TenantNotFound);
    };
    let tenant = tenants
        .create(NewTenant {
            code: &requested.code,
            name: admin.name.as_str(),
            billing_email: &admin.email,
            key: call
                .key
                .as_ref()
                .map(|key| format!("{} {} {key}", call.caller, call.operation)),
            correlation_id: tx.context().correlation_id,
        })
        .await?;
    users::assign_tenant(tx, admin.id, &tenant).await?;
    Ok(tenant)
}
