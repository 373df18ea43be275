//! The subscriptions of tenants; in the platform database.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, TryInsertResult,
};
use service::StoreError;
use tenancy::TenantId;

use super::entities::subscription::{ActiveModel, Column, Entity, Model};
use crate::domain::Subscription;

impl TryFrom<Model> for Subscription {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            tenant_id: row.tenant_id,
            package: super::package_code(&row.package)?,
            trial_ends_at: row.trial_ends_at,
            current_period_end: row.current_period_end,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        })
    }
}

/// The tenant's subscription.
pub async fn find(
    db: &impl ConnectionTrait,
    tenant: TenantId,
) -> Result<Option<Subscription>, StoreError> {
    let row = Entity::find()
        .filter(Column::TenantId.eq(tenant))
        .one(db)
        .await?;
    row.map(TryInto::try_into).transpose()
}

/// Stores a new subscription; `false` if the tenant already has one, which is left unchanged.
pub async fn insert_if_new(
    db: &impl ConnectionTrait,
    subscription: &Subscription,
) -> Result<bool, StoreError> {
    let row = ActiveModel {
        id: Set(subscription.id),
        tenant_id: Set(subscription.tenant_id),
        package: Set(subscription.package.to_string()),
        trial_ends_at: Set(subscription.trial_ends_at),
        current_period_end: Set(subscription.current_period_end),
        created_at: Set(subscription.created_at),
        updated_at: Set(subscription.updated_at),
        version: Set(subscription.version),
    };
    let inserted = Entity::insert(row)
        .on_conflict_do_nothing_on([Column::TenantId])
        .exec_without_returning(db)
        .await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(1..)))
}
