//! When unpaid orders expire, over all tenants; in the platform database.

use service::StoreError;
use sqlx::{FromRow, PgConnection, PgPool};
use tenancy::TenantId;
use time::OffsetDateTime;

use crate::domain::OrderId;

const INSERT: &str = "INSERT INTO order_deadline (order_id, tenant_id, due_at) VALUES ($1, $2, $3)";
// A claimed deadline comes back by itself if who claimed it dies, or if its tenant's database is away.
const CLAIM: &str = "UPDATE order_deadline SET due_at = now() + interval '15 seconds'
     WHERE order_id IN (
         SELECT order_id FROM order_deadline WHERE due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
     ) RETURNING order_id, tenant_id";
const DROP: &str = "DELETE FROM order_deadline WHERE order_id = $1";

/// A deadline that has come.
#[derive(Clone, Copy, Debug, FromRow)]
pub struct Due {
    /// Whose.
    pub order_id: OrderId,
    /// At which tenant.
    pub tenant_id: TenantId,
}

/// Writes a deadline down.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn insert(
    conn: &mut PgConnection,
    order: OrderId,
    tenant: TenantId,
    due: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query(INSERT)
        .bind(order)
        .bind(tenant)
        .bind(due)
        .execute(conn)
        .await?;
    Ok(())
}

/// Up to `limit` deadlines that have come, for this process alone for a quarter of a minute.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn claim(pool: &PgPool, limit: i64) -> Result<Vec<Due>, StoreError> {
    Ok(sqlx::query_as(CLAIM).bind(limit).fetch_all(pool).await?)
}

/// Drops a deadline that was seen to.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn drop(pool: &PgPool, order: OrderId) -> Result<(), StoreError> {
    sqlx::query(DROP).bind(order).execute(pool).await?;
    Ok(())
}
