//! When tenants came and opened; in the platform database.

use service::StoreError;
use sqlx::PgConnection;
use tenancy::TenantId;
use time::OffsetDateTime;

// `least` passes over what is not known.
const CREATED: &str = "INSERT INTO tenant_fact (tenant_id, created_at) VALUES ($1, $2)
     ON CONFLICT (tenant_id) DO UPDATE SET created_at = least(tenant_fact.created_at, excluded.created_at)";
const ACTIVATED: &str = "INSERT INTO tenant_fact (tenant_id, activated_at) VALUES ($1, $2)
     ON CONFLICT (tenant_id) DO UPDATE SET activated_at = least(tenant_fact.activated_at, excluded.activated_at)";
const COUNT: &str = "SELECT count(*), count(activated_at) FROM tenant_fact";

/// Notes that a tenant was created; the earliest time stays.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn note_created(
    conn: &mut PgConnection,
    tenant: TenantId,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query(CREATED)
        .bind(tenant)
        .bind(at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes that a tenant opened for business; the earliest time stays.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn note_activated(
    conn: &mut PgConnection,
    tenant: TenantId,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query(ACTIVATED)
        .bind(tenant)
        .bind(at)
        .execute(conn)
        .await?;
    Ok(())
}

/// How many tenants there were ever, and how many of them ever opened.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn count(conn: &mut PgConnection) -> Result<(i64, i64), StoreError> {
    Ok(sqlx::query_as(COUNT).fetch_one(conn).await?)
}
