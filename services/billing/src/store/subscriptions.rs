//! Who has subscribed to what; in the platform database.

use service::StoreError;
use sqlx::{FromRow, PgConnection};
use tenancy::TenantId;
use time::OffsetDateTime;

use super::package;
use crate::domain::{Subscription, SubscriptionId};

const FIND: &str = "SELECT id, tenant_id, package, trial_ends_at, current_period_end, created_at, updated_at, version
     FROM subscription WHERE tenant_id = $1";
const INSERT: &str = "INSERT INTO subscription
     (id, tenant_id, package, trial_ends_at, current_period_end, created_at, updated_at, version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant_id) DO NOTHING";

#[derive(FromRow)]
struct Row {
    id: SubscriptionId,
    tenant_id: TenantId,
    package: String,
    trial_ends_at: OffsetDateTime,
    current_period_end: OffsetDateTime,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    version: i64,
}

impl TryFrom<Row> for Subscription {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            tenant_id: row.tenant_id,
            package: package(&row.package)?,
            trial_ends_at: row.trial_ends_at,
            current_period_end: row.current_period_end,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        })
    }
}

/// The tenant's subscription.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn find(
    conn: &mut PgConnection,
    tenant: TenantId,
) -> Result<Option<Subscription>, StoreError> {
    let row: Option<Row> = sqlx::query_as(FIND)
        .bind(tenant)
        .fetch_optional(conn)
        .await?;
    row.map(TryInto::try_into).transpose()
}

/// Writes a new subscription; false when the tenant has one, which stays as it is.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn insert(
    conn: &mut PgConnection,
    subscription: &Subscription,
) -> Result<bool, StoreError> {
    let done = sqlx::query(INSERT)
        .bind(subscription.id)
        .bind(subscription.tenant_id)
        .bind(subscription.package.as_str())
        .bind(subscription.trial_ends_at)
        .bind(subscription.current_period_end)
        .bind(subscription.created_at)
        .bind(subscription.updated_at)
        .bind(subscription.version)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}
