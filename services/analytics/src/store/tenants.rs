//! When tenants were created and first activated; in the platform database.

use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};
use service::StoreError;
use tenancy::TenantId;
use time::OffsetDateTime;

use super::statement;

// `least` ignores nulls.
const UPSERT_CREATED: &str = "INSERT INTO tenant_fact (tenant_id, created_at) VALUES ($1, $2)
     ON CONFLICT (tenant_id) DO UPDATE SET created_at = least(tenant_fact.created_at, excluded.created_at)";
const UPSERT_ACTIVATED: &str = "INSERT INTO tenant_fact (tenant_id, activated_at) VALUES ($1, $2)
     ON CONFLICT (tenant_id) DO UPDATE SET activated_at = least(tenant_fact.activated_at, excluded.activated_at)";
const COUNT: &str = "SELECT count(*) AS created, count(activated_at) AS activated FROM tenant_fact";

/// The number of tenants.
#[derive(Clone, Copy, Debug, FromQueryResult)]
pub struct TenantCounts {
    /// Tenants that were created.
    pub created: i64,
    /// Tenants that were ever activated.
    pub activated: i64,
}

/// Records when a tenant was created; the earliest time is kept.
pub async fn record_created(
    db: &impl ConnectionTrait,
    tenant: TenantId,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    db.execute_raw(statement(UPSERT_CREATED, [tenant.into(), at.into()]))
        .await?;
    Ok(())
}

/// Records when a tenant was activated; the earliest time is kept.
pub async fn record_activated(
    db: &impl ConnectionTrait,
    tenant: TenantId,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    db.execute_raw(statement(UPSERT_ACTIVATED, [tenant.into(), at.into()]))
        .await?;
    Ok(())
}

/// Counts the tenants, including deleted ones.
pub async fn count(db: &impl ConnectionTrait) -> Result<TenantCounts, StoreError> {
    let counts = TenantCounts::find_by_statement(statement(COUNT, []))
        .one(db)
        .await?;
    Ok(counts.ok_or_else(|| DbErr::RecordNotFound("tenant counts".to_owned()))?)
}
