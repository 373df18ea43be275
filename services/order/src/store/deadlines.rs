//! When unpaid orders expire, over all tenants; in the platform database.

use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, Statement,
};
use service::StoreError;
use tenancy::TenantId;
use time::OffsetDateTime;

use super::entities::order_deadline::{ActiveModel, Entity};
use crate::domain::OrderId;

// A leased deadline becomes due again when whoever leased it dies, or when its tenant's database is unavailable.
const LEASE: &str = "UPDATE order_deadline SET due_at = now() + interval '15 seconds'
     WHERE order_id IN (
         SELECT order_id FROM order_deadline WHERE due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
     ) RETURNING order_id, tenant_id";

/// A deadline that has passed.
#[derive(Clone, Copy, Debug, FromQueryResult)]
pub struct DueOrder {
    /// The order.
    pub order_id: OrderId,
    /// Its tenant.
    pub tenant_id: TenantId,
}

/// Stores a deadline.
pub async fn insert(
    db: &impl ConnectionTrait,
    order: OrderId,
    tenant: TenantId,
    due: OffsetDateTime,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        order_id: Set(order),
        tenant_id: Set(tenant),
        due_at: Set(due),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Up to `limit` deadlines that have passed, leased to the caller for 15 seconds.
pub async fn lease(db: &impl ConnectionTrait, limit: u32) -> Result<Vec<DueOrder>, StoreError> {
    let statement =
        Statement::from_sql_and_values(DbBackend::Postgres, LEASE, [i64::from(limit).into()]);
    Ok(DueOrder::find_by_statement(statement).all(db).await?)
}

/// Deletes a deadline that needs no more attention.
pub async fn delete(db: &impl ConnectionTrait, order: OrderId) -> Result<(), StoreError> {
    Entity::delete_by_id(order).exec(db).await?;
    Ok(())
}
