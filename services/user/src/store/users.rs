//! Users.

use auth::{Role, UserId};
use service::{Page, StoreError};
use sqlx::{FromRow, PgConnection};
use tenancy::{TenantCode, TenantId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::{
    EmailAddress, OwnTenant, PasswordHash, SecretHash, Standing, User, UserName, Viewer,
};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, email, name, role, tenant_id, tenant_code, password_hash, version, created_at, updated_at
             FROM users ",
            $rest
        )
    };
}

const INSERT: &str = "INSERT INTO users
     (id, email, name, role, tenant_id, tenant_code, password_hash, version, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (email) DO NOTHING";
const PLACE: &str = "UPDATE users SET tenant_id = $2, tenant_code = $3 WHERE id = $1";
const BY_EMAIL: &str = select!("WHERE email = $1");
const LOCK_BY_EMAIL: &str = select!("WHERE email = $1 FOR UPDATE");
const LOCK_BY_ID: &str = select!("WHERE id = $1 FOR UPDATE");
const LOCK_BY_SECRET: &str =
    select!("WHERE id = (SELECT user_id FROM password_token WHERE secret_hash = $1) FOR UPDATE");
const SEEN: &str = select!("WHERE id = $1 AND ($2 OR id = $3 OR tenant_id = $4)");
const ADMIN_OF: &str = "SELECT EXISTS (SELECT FROM users WHERE tenant_id = $1)";
const SET_PASSWORD: &str =
    "UPDATE users SET password_hash = $2, version = $3, updated_at = $4 WHERE id = $1";

const LIST: &str = select!("ORDER BY id DESC LIMIT $1 OFFSET $2");
const COUNT: &str = "SELECT count(*) FROM users";
const SEARCH: &str =
    select!("WHERE (name || ' ' || email) ILIKE $3 ORDER BY id DESC LIMIT $1 OFFSET $2");
const COUNT_FOUND: &str = "SELECT count(*) FROM users WHERE (name || ' ' || email) ILIKE $1";
const LIST_OF_TENANT: &str = select!("WHERE tenant_id = $3 ORDER BY id DESC LIMIT $1 OFFSET $2");
const COUNT_OF_TENANT: &str = "SELECT count(*) FROM users WHERE tenant_id = $1";
const SEARCH_IN_TENANT: &str = select!(
    "WHERE tenant_id = $3 AND (name || ' ' || email) ILIKE $4 ORDER BY id DESC LIMIT $1 OFFSET $2"
);
const COUNT_FOUND_IN_TENANT: &str =
    "SELECT count(*) FROM users WHERE tenant_id = $1 AND (name || ' ' || email) ILIKE $2";

/// A user together with what is stored of their password.
#[derive(Debug)]
pub struct Account {
    /// The user.
    pub user: User,
    /// None until an invitation was accepted.
    pub password: Option<PasswordHash>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    email: String,
    name: String,
    role: String,
    tenant_id: Option<Uuid>,
    tenant_code: Option<String>,
    password_hash: Option<String>,
    version: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<Row> for Account {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let corrupt = |cause: &str| StoreError::corrupt("user", cause.to_owned());
        let role: Role = row.role.parse().map_err(|_| corrupt("unknown role"))?;
        let standing = match (role, row.tenant_id, row.tenant_code) {
            (Role::PlatformAdmin, None, None) => Standing::PlatformAdmin,
            (Role::Customer, None, None) => Standing::Customer,
            (Role::Admin, Some(id), Some(code)) => {
                let code: TenantCode = code
                    .parse()
                    .map_err(|_| corrupt("impossible tenant code"))?;
                Standing::Admin(OwnTenant {
                    id: TenantId(id),
                    code,
                })
            }
            _ => return Err(corrupt("role and tenant do not fit")),
        };
        let user = User {
            id: row.id.into(),
            email: EmailAddress::try_from(row.email).map_err(|e| corrupt(&e.to_string()))?,
            name: UserName::try_from(row.name).map_err(corrupt)?,
            standing,
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

/// Writes a new user down. `false`: the address is taken; a transaction that is just taking it is waited for.
pub async fn insert(
    conn: &mut PgConnection,
    user: &User,
    password: Option<&PasswordHash>,
) -> Result<bool, StoreError> {
    let tenant = user.standing.tenant();
    let done = sqlx::query(INSERT)
        .bind(user.id.as_uuid())
        .bind(user.email.as_str())
        .bind(user.name.as_str())
        .bind(user.standing.role().as_str())
        .bind(tenant.map(|tenant| tenant.id))
        .bind(tenant.map(|tenant| tenant.code.as_str()))
        .bind(password.map(PasswordHash::as_str))
        .bind(user.version)
        .bind(user.created_at)
        .bind(user.updated_at)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts a new admin into the tenant that was made for them.
pub async fn place(
    conn: &mut PgConnection,
    id: UserId,
    tenant: &OwnTenant,
) -> Result<(), StoreError> {
    sqlx::query(PLACE)
        .bind(id.as_uuid())
        .bind(tenant.id)
        .bind(tenant.code.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// The account with this address.
pub async fn by_email(
    conn: &mut PgConnection,
    email: &EmailAddress,
) -> Result<Option<Account>, StoreError> {
    account(
        sqlx::query_as(BY_EMAIL)
            .bind(email.as_str().to_owned())
            .fetch_optional(conn)
            .await?,
    )
}

/// As [`by_email`], locked until the transaction ends.
pub async fn lock_by_email(
    conn: &mut PgConnection,
    email: &EmailAddress,
) -> Result<Option<Account>, StoreError> {
    account(
        sqlx::query_as(LOCK_BY_EMAIL)
            .bind(email.as_str().to_owned())
            .fetch_optional(conn)
            .await?,
    )
}

/// The account of this id, locked until the transaction ends.
pub async fn lock_by_id(
    conn: &mut PgConnection,
    id: UserId,
) -> Result<Option<Account>, StoreError> {
    account(
        sqlx::query_as(LOCK_BY_ID)
            .bind(id.as_uuid())
            .fetch_optional(conn)
            .await?,
    )
}

/// The account that the secret of a mail belongs to, locked until the transaction ends.
pub async fn lock_by_secret(
    conn: &mut PgConnection,
    secret: &SecretHash,
) -> Result<Option<Account>, StoreError> {
    account(
        sqlx::query_as(LOCK_BY_SECRET)
            .bind(secret.as_bytes().to_vec())
            .fetch_optional(conn)
            .await?,
    )
}

/// The user of this id, if `viewer` may know of them.
pub async fn seen_by(
    conn: &mut PgConnection,
    viewer: Viewer,
    id: UserId,
) -> Result<Option<User>, StoreError> {
    let (everybody, oneself, tenant) = match viewer {
        Viewer::Everybody => (true, None, None),
        Viewer::Oneself(own) => (false, Some(own.as_uuid()), None),
        Viewer::Tenant(tenant, own) => (false, Some(own.as_uuid()), Some(tenant)),
    };
    let row: Option<Row> = sqlx::query_as(SEEN)
        .bind(id.as_uuid())
        .bind(everybody)
        .bind(oneself)
        .bind(tenant)
        .fetch_optional(conn)
        .await?;
    Ok(account(row)?.map(|account| account.user))
}

/// Whether the tenant has an admin.
pub async fn has_admin(conn: &mut PgConnection, tenant: TenantId) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(ADMIN_OF)
        .bind(tenant)
        .fetch_one(conn)
        .await?)
}

/// Stores a new password of a locked user.
pub async fn set_password(
    conn: &mut PgConnection,
    user: &User,
    password: &PasswordHash,
) -> Result<(), StoreError> {
    sqlx::query(SET_PASSWORD)
        .bind(user.id.as_uuid())
        .bind(password.as_str())
        .bind(user.version)
        .bind(user.updated_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// A page of the users of one tenant, or of all, newest first, with their number; `search` is part of a name or address.
pub async fn page(
    conn: &mut PgConnection,
    tenant: Option<TenantId>,
    search: Option<&str>,
    page: Page,
) -> Result<(Vec<User>, i64), StoreError> {
    let (list, count) = match (tenant, search) {
        (None, None) => (LIST, COUNT),
        (None, Some(_)) => (SEARCH, COUNT_FOUND),
        (Some(_), None) => (LIST_OF_TENANT, COUNT_OF_TENANT),
        (Some(_), Some(_)) => (SEARCH_IN_TENANT, COUNT_FOUND_IN_TENANT),
    };
    let mut rows = sqlx::query_as::<_, Row>(list)
        .bind(page.limit())
        .bind(page.offset());
    let mut total = sqlx::query_scalar::<_, i64>(count);
    if let Some(tenant) = tenant {
        (rows, total) = (rows.bind(tenant), total.bind(tenant));
    }
    if let Some(search) = search {
        let pattern = containing(search);
        (rows, total) = (rows.bind(pattern.clone()), total.bind(pattern));
    }
    let rows = rows.fetch_all(&mut *conn).await?;
    let total = total.fetch_one(conn).await?;
    let users = rows
        .into_iter()
        .map(|row| Account::try_from(row).map(|account| account.user));
    Ok((users.collect::<Result<_, _>>()?, total))
}

fn account(row: Option<Row>) -> Result<Option<Account>, StoreError> {
    row.map(Account::try_from).transpose()
}

/// A pattern that finds `text` anywhere, itself taken literally.
fn containing(text: &str) -> String {
    let literal = text
        .replace('\\', r"\\")
        .replace('%', r"\%")
        .replace('_', r"\_");
    format!("%{literal}%")
}
