//! At which tenants a buyer has orders; in the platform database.

use auth::UserId;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use service::StoreError;
use tenancy::TenantId;

use super::entities::buyer_tenant::{ActiveModel, COLUMN, Column, Entity};

/// Records that the buyer may have orders at this tenant.
pub async fn record(
    db: &impl ConnectionTrait,
    buyer: UserId,
    tenant: TenantId,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        buyer_id: Set(buyer.as_uuid()),
        tenant_id: Set(tenant),
    };
    Entity::insert(row)
        .on_conflict_do_nothing()
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// The tenants at which the buyer may have orders.
pub async fn tenants_of(
    db: &impl ConnectionTrait,
    buyer: UserId,
) -> Result<Vec<TenantId>, StoreError> {
    Ok(Entity::find()
        .select_only()
        .column(Column::TenantId)
        .filter(COLUMN.buyer_id.eq(buyer.as_uuid()))
        .into_tuple()
        .all(db)
        .await?)
}
