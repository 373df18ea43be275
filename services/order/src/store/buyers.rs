//! At which tenants a buyer has orders; in the platform database.

use auth::UserId;
use service::StoreError;
use sqlx::PgConnection;
use tenancy::TenantId;

const NOTE: &str =
    "INSERT INTO buyer_tenant (buyer_id, tenant_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
const TENANTS_OF: &str = "SELECT tenant_id FROM buyer_tenant WHERE buyer_id = $1";

/// Notes that the buyer may have orders at this tenant.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn note(
    conn: &mut PgConnection,
    buyer: UserId,
    tenant: TenantId,
) -> Result<(), StoreError> {
    sqlx::query(NOTE)
        .bind(buyer.as_uuid())
        .bind(tenant)
        .execute(conn)
        .await?;
    Ok(())
}

/// The tenants at which the buyer may have orders.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn tenants_of(
    conn: &mut PgConnection,
    buyer: UserId,
) -> Result<Vec<TenantId>, StoreError> {
    Ok(sqlx::query_scalar(TENANTS_OF)
        .bind(buyer.as_uuid())
        .fetch_all(conn)
        .await?)
}
