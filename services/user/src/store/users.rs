//! Users and their stored credentials.

use auth::{Role, UserId};
use database::containing;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, TryInsertResult,
    sea_query::{Expr, Query, extension::postgres::PgExpr},
};
use service::{Page, StoreError};
use tenancy::{TenantCode, TenantId};

use super::entities::{
    password_token,
    user::{ActiveModel, Column, Entity, Model},
};
use crate::domain::{
    EmailAddress, Membership, PasswordHash, SecretHash, User, UserName, UserTenant, Visibility,
};

/// The expression of the trigram index `users_search`.
const NAME_AND_EMAIL: &str = "(users.name || ' ' || users.email)";

/// A user together with the stored password.
#[derive(Debug)]
pub struct Account {
    /// The user.
    pub user: User,
    /// `None` until the invitation is accepted.
    pub password: Option<PasswordHash>,
}

impl TryFrom<Model> for Account {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let corrupt = |cause: &str| StoreError::corrupt("user", cause.to_owned());
        let role: Role = row.role.parse().map_err(|_| corrupt("unknown role"))?;
        let membership = match (role, row.tenant_id, row.tenant_code) {
            (Role::PlatformAdmin, None, None) => Membership::PlatformAdmin,
            (Role::Customer, None, None) => Membership::Customer,
            (Role::Admin, Some(id), Some(code)) => {
                let code: TenantCode = code.parse().map_err(|_| corrupt("invalid tenant code"))?;
                Membership::Admin(UserTenant { id, code })
            }
            _ => return Err(corrupt("role and tenant do not match")),
        };
        let user = User {
            id: row.id,
            email: EmailAddress::try_from(row.email).map_err(|e| corrupt(&e.to_string()))?,
            name: UserName::try_from(row.name).map_err(corrupt)?,
            membership,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        Ok(Self {
            user,
            password: row.password_hash.map(PasswordHash::new),
        })
    }
}

/// Stores a new user; returns `false` if the address is taken. Waits for a concurrent transaction that inserts the same
/// address.
pub async fn insert(
    db: &impl ConnectionTrait,
    user: &User,
    password: Option<&PasswordHash>,
) -> Result<bool, StoreError> {
    let tenant = user.membership.tenant();
    let row = ActiveModel {
        id: Set(user.id),
        email: Set(user.email.as_str().to_owned()),
        name: Set(user.name.as_str().to_owned()),
        role: Set(user.membership.role().as_str().to_owned()),
        tenant_id: Set(tenant.map(|tenant| tenant.id)),
        tenant_code: Set(tenant.map(|tenant| tenant.code.to_string())),
        password_hash: Set(password.map(|hash| hash.as_str().to_owned())),
        version: Set(user.version),
        created_at: Set(user.created_at),
        updated_at: Set(user.updated_at),
    };
    let inserted = Entity::insert(row)
        .on_conflict_do_nothing_on([Column::Email])
        .exec_without_returning(db)
        .await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(1..)))
}

/// Assigns a new admin to the tenant that was created for them.
pub async fn assign_tenant(
    db: &impl ConnectionTrait,
    id: UserId,
    tenant: &UserTenant,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        id: Unchanged(id),
        tenant_id: Set(Some(tenant.id)),
        tenant_code: Set(Some(tenant.code.to_string())),
        ..ActiveModel::default()
    };
    Entity::update(row)
        .validate()?
        .exec_without_returning(db)
        .await?;
    Ok(())
}

fn with_email(email: &EmailAddress) -> Select<Entity> {
    Entity::find().filter(Column::Email.eq(email.as_str()))
}

/// The account with this address.
pub async fn by_email(
    db: &impl ConnectionTrait,
    email: &EmailAddress,
) -> Result<Option<Account>, StoreError> {
    account(with_email(email).one(db).await?)
}

/// As [`by_email`], locked until the transaction ends.
pub async fn lock_by_email(
    db: &impl ConnectionTrait,
    email: &EmailAddress,
) -> Result<Option<Account>, StoreError> {
    account(with_email(email).lock_exclusive().one(db).await?)
}

/// The account with this id, locked until the transaction ends.
pub async fn lock_by_id(
    db: &impl ConnectionTrait,
    id: UserId,
) -> Result<Option<Account>, StoreError> {
    account(Entity::find_by_id(id).lock_exclusive().one(db).await?)
}

/// The account that the secret of an e-mail belongs to, locked until the transaction ends.
pub async fn lock_by_secret(
    db: &impl ConnectionTrait,
    secret: &SecretHash,
) -> Result<Option<Account>, StoreError> {
    let owner = Query::select()
        .column(password_token::Column::UserId)
        .from(password_token::Entity)
        .and_where(password_token::Column::SecretHash.eq(secret.as_bytes().to_vec()))
        .to_owned();
    account(
        Entity::find()
            .filter(Column::Id.in_subquery(owner))
            .lock_exclusive()
            .one(db)
            .await?,
    )
}

/// The user with this id, if `visibility` includes them.
pub async fn visible_to(
    db: &impl ConnectionTrait,
    visibility: Visibility,
    id: UserId,
) -> Result<Option<User>, StoreError> {
    let visible = match visibility {
        Visibility::All => Condition::all(),
        Visibility::SelfOnly(own) => Condition::all().add(Column::Id.eq(own)),
        Visibility::TenantAndSelf(tenant, own) => Condition::any()
            .add(Column::Id.eq(own))
            .add(Column::TenantId.eq(tenant)),
    };
    let row = Entity::find_by_id(id).filter(visible).one(db).await?;
    Ok(account(row)?.map(|account| account.user))
}

/// Whether the tenant has an admin.
pub async fn has_admin(db: &impl ConnectionTrait, tenant: TenantId) -> Result<bool, StoreError> {
    let admin: Option<UserId> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::TenantId.eq(tenant))
        .into_tuple()
        .one(db)
        .await?;
    Ok(admin.is_some())
}

/// Stores a new password of a locked user.
pub async fn set_password(
    db: &impl ConnectionTrait,
    user: &User,
    password: &PasswordHash,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        id: Unchanged(user.id),
        password_hash: Set(Some(password.as_str().to_owned())),
        version: Set(user.version),
        updated_at: Set(user.updated_at),
        ..ActiveModel::default()
    };
    Entity::update(row)
        .validate()?
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// One page of the users of one tenant, or of all users, newest first, and the total number. `search` is part of a name
/// or address.
pub async fn page(
    db: &impl ConnectionTrait,
    tenant: Option<TenantId>,
    search: Option<&str>,
    page: Page,
) -> Result<(Vec<User>, u64), StoreError> {
    let mut found = Entity::find();
    if let Some(tenant) = tenant {
        found = found.filter(Column::TenantId.eq(tenant));
    }
    if let Some(search) = search {
        found = found.filter(Expr::cust(NAME_AND_EMAIL).ilike(containing(search)));
    }
    let total = found.clone().count(db).await?;
    let rows = found
        .order_by_desc(Column::Id)
        .limit(page.limit())
        .offset(page.offset())
        .all(db)
        .await?;
    let users = rows
        .into_iter()
        .map(|row| Account::try_from(row).map(|account| account.user));
    Ok((users.collect::<Result<_, _>>()?, total))
}

fn account(row: Option<Model>) -> Result<Option<Account>, StoreError> {
    row.map(Account::try_from).transpose()
}
