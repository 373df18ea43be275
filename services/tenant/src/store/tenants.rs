//! The tenants' rows.

use std::{collections::BTreeMap, str::FromStr};

use service::{Page, StoreError};
use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow, types::Json};
use tenancy::{ClusterName, TenantCode, TenantId, TenantStatus};

use crate::domain::{Admin, BillingEmail, Onboarding, Tenant, TenantName};

const INSERT: &str = "INSERT INTO tenant (id, code, name, region, cluster, package, billing_email, status, version, \
     created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (code) DO NOTHING";
const SAVE: &str = "UPDATE tenant SET status = $2, version = $3, failure = $4, settings = $5, database_ready_at = $6, \
     admin_asked_at = $7, admin_ready_at = $8, admin_user_id = $9, admin_email = $10, settings_at = $11, \
     guide_asked_at = $12, guide_sent_at = $13, guide_failure = $14, completed_at = $15, updated_at = $16 WHERE id = $1";
const LOCK_BY_ID: &str = "SELECT * FROM tenant WHERE id = $1 FOR UPDATE";
const BY_ID: &str = "SELECT * FROM tenant WHERE id = $1";
const BY_CODE: &str = "SELECT * FROM tenant WHERE code = $1";
const BY_CLUSTER: &str = "SELECT cluster, count(*) FROM tenant WHERE status <> 'DELETED' AND cluster = ANY($1) GROUP BY cluster";
// The text is looked for as it is: no wildcard of it counts.
const LIST: &str = "SELECT * FROM tenant WHERE ($1 IS NULL OR status = $1) \
     AND ($2 IS NULL OR position(lower($2) IN code) > 0 OR position(lower($2) IN lower(name)) > 0) \
     ORDER BY id DESC LIMIT $3 OFFSET $4";
const COUNT: &str = "SELECT count(*) FROM tenant WHERE ($1 IS NULL OR status = $1) \
     AND ($2 IS NULL OR position(lower($2) IN code) > 0 OR position(lower($2) IN lower(name)) > 0)";

/// Writes a new tenant; `false` if its code is taken.
pub async fn insert(conn: &mut PgConnection, tenant: &Tenant) -> Result<bool, StoreError> {
    let done = sqlx::query(INSERT)
        .bind(tenant.id)
        .bind(tenant.code.as_str())
        .bind(tenant.name.as_str())
        .bind(tenant.region.as_str())
        .bind(tenant.cluster.as_str())
        .bind(tenant.package.as_str())
        .bind(tenant.billing_email.as_str())
        .bind(tenant.status.as_str())
        .bind(tenant.version)
        .bind(tenant.created_at)
        .bind(tenant.updated_at)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes what may change of a tenant that is locked.
pub async fn save(conn: &mut PgConnection, tenant: &Tenant) -> Result<(), StoreError> {
    let onboarding = &tenant.onboarding;
    sqlx::query(SAVE)
        .bind(tenant.id)
        .bind(tenant.status.as_str())
        .bind(tenant.version)
        .bind(&tenant.failure)
        .bind(Json(&tenant.settings))
        .bind(onboarding.database_ready)
        .bind(onboarding.admin_asked)
        .bind(onboarding.admin_ready)
        .bind(tenant.admin.as_ref().map(|admin| admin.id))
        .bind(tenant.admin.as_ref().map(|admin| admin.email.as_str()))
        .bind(onboarding.settings)
        .bind(onboarding.guide_asked)
        .bind(onboarding.guide_sent)
        .bind(&onboarding.guide_failure)
        .bind(onboarding.completed)
        .bind(tenant.updated_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// The tenant of this id, locked until the transaction ends.
pub async fn lock(conn: &mut PgConnection, id: TenantId) -> Result<Option<Tenant>, StoreError> {
    let row: Option<Row> = sqlx::query_as(LOCK_BY_ID)
        .bind(id)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|row| row.0))
}

/// The tenant of this id, in its canonical spelling, or of this code.
pub async fn find(conn: &mut PgConnection, reference: &str) -> Result<Option<Tenant>, StoreError> {
    let query = if let Ok(code) = reference.parse::<TenantCode>() {
        sqlx::query_as(BY_CODE).bind(code.as_str().to_owned())
    } else {
        match reference.parse::<TenantId>() {
            Ok(id) if id.to_string() == reference => sqlx::query_as(BY_ID).bind(id),
            _ => return Ok(None),
        }
    };
    let row: Option<Row> = query.fetch_optional(conn).await?;
    Ok(row.map(|row| row.0))
}

/// How many tenants are on each of these clusters; those without any are left out.
pub async fn count_by_cluster(
    conn: &mut PgConnection,
    clusters: &[ClusterName],
) -> Result<BTreeMap<ClusterName, i64>, StoreError> {
    let names: Vec<&str> = clusters.iter().map(ClusterName::as_str).collect();
    let counted: Vec<(String, i64)> = sqlx::query_as(BY_CLUSTER)
        .bind(names)
        .fetch_all(conn)
        .await?;
    counted
        .into_iter()
        .map(|(name, count)| match name.parse() {
            Ok(cluster) => Ok((cluster, count)),
            Err(error) => Err(StoreError::corrupt("cluster", error)),
        })
        .collect()
}

/// One page of the tenants, the newest first, with this status and with this text in code or name; and how many there
/// are in all.
pub async fn list(
    conn: &mut PgConnection,
    status: Option<TenantStatus>,
    search: Option<&str>,
    page: Page,
) -> Result<(Vec<Tenant>, i64), StoreError> {
    let status = status.map(TenantStatus::as_str);
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(status)
        .bind(search)
        .bind(page.limit())
        .bind(page.offset())
        .fetch_all(&mut *conn)
        .await?;
    let total = sqlx::query_scalar(COUNT)
        .bind(status)
        .bind(search)
        .fetch_one(conn)
        .await?;
    Ok((rows.into_iter().map(|row| row.0).collect(), total))
}

struct Row(Tenant);

impl<'r> FromRow<'r, PgRow> for Row {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let Json(settings) = row.try_get("settings")?;
        let admin_id: Option<uuid::Uuid> = row.try_get("admin_user_id")?;
        let admin_email: Option<String> = row.try_get("admin_email")?;
        Ok(Self(Tenant {
            id: row.try_get("id")?,
            code: parsed(row, "code")?,
            name: checked::<TenantName>(row, "name")?,
            region: parsed(row, "region")?,
            cluster: parsed(row, "cluster")?,
            package: parsed(row, "package")?,
            billing_email: checked::<BillingEmail>(row, "billing_email")?,
            status: parsed(row, "status")?,
            version: row.try_get("version")?,
            failure: row.try_get("failure")?,
            settings,
            admin: admin_id
                .zip(admin_email)
                .map(|(id, email)| Admin { id, email }),
            onboarding: Onboarding {
                database_ready: row.try_get("database_ready_at")?,
                admin_asked: row.try_get("admin_asked_at")?,
                admin_ready: row.try_get("admin_ready_at")?,
                settings: row.try_get("settings_at")?,
                guide_asked: row.try_get("guide_asked_at")?,
                guide_sent: row.try_get("guide_sent_at")?,
                guide_failure: row.try_get("guide_failure")?,
                completed: row.try_get("completed_at")?,
            },
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
        }))
    }
}

fn parsed<T>(row: &PgRow, column: &'static str) -> Result<T, sqlx::Error>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: String = row.try_get(column)?;
    text.parse().map_err(|error| unreadable(column, error))
}

fn checked<T>(row: &PgRow, column: &'static str) -> Result<T, sqlx::Error>
where
    T: TryFrom<String, Error: std::error::Error + Send + Sync + 'static>,
{
    T::try_from(row.try_get(column)?).map_err(|error| unreadable(column, error))
}

fn unreadable(column: &str, error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: Box::new(error),
    }
}
