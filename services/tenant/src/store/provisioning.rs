//! Databases to create.

use std::time::Duration;

use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QuerySelect,
    Statement,
};
use service::StoreError;
use tenancy::TenantId;
use uuid::Uuid;

use super::entities::provisioning::{ActiveModel, Column, Entity};

// A leased row becomes due again when its lease runs out.
const LEASE: &str = "UPDATE provisioning SET attempts = attempts + 1, next_attempt_at = now() + $1 * interval '1 second' \
     WHERE tenant_id IN (SELECT tenant_id FROM provisioning WHERE next_attempt_at <= now() \
         ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED) \
     RETURNING tenant_id, attempts, correlation_id";
// By the clock of the database, as the lease.
const POSTPONE: &str = "UPDATE provisioning SET next_attempt_at = now() + $2 * interval '1 second', last_error = $3 \
     WHERE tenant_id = $1";

/// A database that is due to be created.
#[derive(Clone, Copy, Debug, FromQueryResult)]
pub struct DueDatabase {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The number of this attempt, from 1.
    pub attempts: i32,
    /// The correlation id of the request that created the tenant.
    pub correlation_id: Uuid,
}

/// Enqueues the creation of the tenant's database; it is due at once.
pub async fn insert(
    db: &impl ConnectionTrait,
    tenant: TenantId,
    correlation_id: Uuid,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        tenant_id: Set(tenant),
        correlation_id: Set(correlation_id),
        ..ActiveModel::default()
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Up to `limit` databases that are due, leased to the caller for `lease`.
pub async fn lease(
    db: &impl ConnectionTrait,
    limit: u32,
    lease: Duration,
) -> Result<Vec<DueDatabase>, StoreError> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        LEASE,
        [lease.as_secs_f64().into(), i64::from(limit).into()],
    );
    Ok(DueDatabase::find_by_statement(statement).all(db).await?)
}

/// Records a failed attempt; the next one is due after `backoff`.
pub async fn postpone(
    db: &impl ConnectionTrait,
    tenant: TenantId,
    backoff: Duration,
    error: &str,
) -> Result<(), StoreError> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        POSTPONE,
        [tenant.into(), backoff.as_secs_f64().into(), error.into()],
    );
    db.execute_raw(statement).await?;
    Ok(())
}

/// Dequeues the tenant's database.
pub async fn delete(db: &impl ConnectionTrait, tenant: TenantId) -> Result<(), StoreError> {
    Entity::delete_by_id(tenant).exec(db).await?;
    Ok(())
}

/// The error of the last attempt, if the database is still to be created and an attempt failed.
pub async fn last_error(
    db: &impl ConnectionTrait,
    tenant: TenantId,
) -> Result<Option<String>, StoreError> {
    let found: Option<Option<String>> = Entity::find_by_id(tenant)
        .select_only()
        .column(Column::LastError)
        .into_tuple()
        .one(db)
        .await?;
    Ok(found.flatten())
}
