//! Databases that are still to be made.

use std::time::Duration;

use service::StoreError;
use sqlx::{FromRow, PgConnection, PgPool};
use tenancy::TenantId;
use uuid::Uuid;

const INSERT: &str =
    "INSERT INTO provisioning (tenant_id, correlation_id, next_attempt_at) VALUES ($1, $2, now())";
// Claimed work comes back by itself if who claimed it dies.
const CLAIM: &str = "UPDATE provisioning SET attempts = attempts + 1, next_attempt_at = now() + $1 * interval '1 second' \
     WHERE tenant_id = (SELECT tenant_id FROM provisioning WHERE next_attempt_at <= now() \
         ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED) \
     RETURNING tenant_id, attempts, correlation_id";
const PUT_OFF: &str = "UPDATE provisioning SET next_attempt_at = now() + $2 * interval '1 second', last_error = $3 \
     WHERE tenant_id = $1";
const DROP: &str = "DELETE FROM provisioning WHERE tenant_id = $1";
const TROUBLE: &str = "SELECT last_error FROM provisioning WHERE tenant_id = $1";

/// A database to be made now, by this process.
#[derive(Clone, Copy, Debug, FromRow)]
pub struct Due {
    /// Whose.
    pub tenant_id: TenantId,
    /// The how many-th try this is, from 1.
    pub attempts: i32,
    /// Of the request that asked for the tenant.
    pub correlation_id: Uuid,
}

/// Writes down that the tenant's database is to be made.
pub async fn insert(
    conn: &mut PgConnection,
    tenant: TenantId,
    correlation_id: Uuid,
) -> Result<(), StoreError> {
    sqlx::query(INSERT)
        .bind(tenant)
        .bind(correlation_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// The work that has waited longest, for this process alone for `lease`.
pub async fn claim(pool: &PgPool, lease: Duration) -> Result<Option<Due>, StoreError> {
    Ok(sqlx::query_as(CLAIM)
        .bind(lease.as_secs_f64())
        .fetch_optional(pool)
        .await?)
}

/// Tries again after `pause`.
pub async fn put_off(
    conn: &mut PgConnection,
    tenant: TenantId,
    pause: Duration,
    error: &str,
) -> Result<(), StoreError> {
    sqlx::query(PUT_OFF)
        .bind(tenant)
        .bind(pause.as_secs_f64())
        .bind(error)
        .execute(conn)
        .await?;
    Ok(())
}

/// It is made.
pub async fn drop(conn: &mut PgConnection, tenant: TenantId) -> Result<(), StoreError> {
    sqlx::query(DROP).bind(tenant).execute(conn).await?;
    Ok(())
}

/// What went wrong the last time, if it is still to be made and something did.
pub async fn trouble(
    conn: &mut PgConnection,
    tenant: TenantId,
) -> Result<Option<String>, StoreError> {
    let found: Option<Option<String>> = sqlx::query_scalar(TROUBLE)
        .bind(tenant)
        .fetch_optional(conn)
        .await?;
    Ok(found.flatten())
}
