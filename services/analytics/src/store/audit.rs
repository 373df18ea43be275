//! The audit trail; in the platform database.

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, TryInsertResult};
use service::StoreError;

use super::entities::audit_entry::{ActiveModel, Entity};
use crate::domain::AuditEntry;

/// Stores an entry; `false` if the trail already has one for the same event.
pub async fn insert_if_new(
    db: &impl ConnectionTrait,
    entry: &AuditEntry,
) -> Result<bool, StoreError> {
    let row = ActiveModel {
        event_id: Set(entry.event),
        actor_id: Set(entry.actor.id().as_uuid()),
        action: Set(entry.action.clone()),
        resource: Set(entry.resource.clone()),
        resource_id: Set(entry.resource_id.clone()),
        tenant_id: Set(entry.tenant.as_ref().map(|tenant| tenant.id)),
        correlation_id: Set(entry.correlation_id),
        at: Set(entry.at),
    };
    let inserted = Entity::insert(row)
        .on_conflict_do_nothing()
        .exec_without_returning(db)
        .await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(1..)))
}
