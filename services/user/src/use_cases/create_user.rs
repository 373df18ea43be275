//! Somebody makes a user for somebody else.

use auth::Caller;
use serde::Serialize;
use service::{Begun, Idempotency, PlatformScope, Tx};
use tenancy::{Directory, TenantId, TenantStatus};

use super::UserError;
use crate::{
    domain::{
        Creation, EmailAddress, Made, NewPassword, OwnTenant, Standing, User, UserName, Wish,
        plan_creation,
    },
    passwords::Passwords,
    store::users,
    tenants::{NewTenant, TenantService},
};

/// The user that is wanted.
#[derive(Debug)]
pub struct CreateUser {
    /// The address to log in with.
    pub email: EmailAddress,
    /// Their first password.
    pub password: NewPassword,
    /// Their name.
    pub name: UserName,
    /// What they are to be.
    pub wish: Wish,
}

/// What makes two requests the same one: everything but the password, of which no quick hash is kept.
#[derive(Serialize)]
struct Fingerprint<'a> {
    email: &'a EmailAddress,
    name: &'a UserName,
    role: auth::Role,
    tenant_code: Option<String>,
    tenant_id: Option<TenantId>,
}

/// Makes a user. An admin with a new tenant code has that tenant made, whose database follows behind the answer.
///
/// # Errors
/// `Refusal` if the caller may not; `EmailTaken`; `NewTenant` if the code is taken or the tenant service is away;
/// `NoTenant`; those of the key.
pub async fn create_user(
    db: &PlatformScope,
    parts: Parts<'_>,
    caller: &Caller,
    call: &Idempotency,
    wanted: CreateUser,
) -> Result<User, UserError> {
    let CreateUser {
        email,
        password,
        name,
        wish,
    } = wanted;
    password
        .allowed_for(&email)
        .map_err(|cause| UserError::WeakPassword {
            field: "password",
            cause,
        })?;
    let fingerprint = Fingerprint {
        email: &email,
        name: &name,
        role: wish.role,
        tenant_code: wish.tenant_code.as_ref().map(ToString::to_string),
        tenant_id: wish.tenant_id,
    };
    let plan = plan_creation(caller, wish.clone())?;
    let hash = parts.passwords.hash(password).await?;
    let mut tx = match db.begin_once::<User>(call, &fingerprint).await? {
        Begun::Replayed(user) => return Ok(user),
        Begun::First(tx) => tx,
    };
    let standing = match &plan {
        Creation::Plain(standing) => standing.clone(),
        Creation::InTenant(id) => Standing::Admin(existing(parts.directory, *id).await?),
        // The address is taken before the tenant is asked for, so that no tenant is made for nobody. Its id is not known
        // yet; nobody sees this one.
        Creation::WithNewTenant(code) => Standing::Admin(OwnTenant {
            id: TenantId::generate(),
            code: code.clone(),
        }),
    };
    let mut user = User::new(email, name, standing, tx.now());
    if !users::insert(&tx, &user, Some(&hash)).await? {
        return Err(UserError::EmailTaken);
    }
    if let Creation::WithNewTenant(_) = plan {
        user.standing = Standing::Admin(new_tenant(&mut tx, parts.tenants, call, &user).await?);
    }
    tx.publish(user.id, 1, &user.created(Made::WithPassword))
        .await?;
    tx.commit_once(&user).await?;
    Ok(user)
}

/// What the verb works with.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// Hashes the password.
    pub passwords: &'a Passwords,
    /// Makes tenants.
    pub tenants: &'a TenantService,
    /// Knows tenants.
    pub directory: &'a Directory,
}

async fn existing(directory: &Directory, id: TenantId) -> Result<OwnTenant, UserError> {
    let tenant = directory
        .by_id(id)
        .await?
        .filter(|tenant| tenant.status != TenantStatus::Deleted);
    tenant
        .map(|tenant| OwnTenant {
            id,
            code: tenant.code.clone(),
        })
        .ok_or(UserError::NoTenant)
}

/// Has the tenant made and puts the new admin into it. If the commit fails afterwards, the tenant's onboarding invites
/// the same address.
async fn new_tenant(
    tx: &mut Tx,
    tenants: &TenantService,
    call: &Idempotency,
    admin: &User,
) -> Result<OwnTenant, UserError> {
    let Some(wished) = admin.standing.tenant() else {
        return Err(UserError::NoTenant);
    };
    let made = tenants
        .create(NewTenant {
            code: &wished.code,
            name: admin.name.as_str(),
            billing_email: &admin.email,
            key: call
                .key
                .as_ref()
                .map(|key| format!("{} {} {key}", call.caller, call.operation)),
            correlation_id: tx.context().correlation_id,
        })
        .await?;
    users::assign_tenant(tx, admin.id, &made).await?;
    Ok(made)
}
