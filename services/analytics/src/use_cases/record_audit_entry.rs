//! Records an action of a user in the audit trail.

use events::audit::ActionPerformed;
use service::{StoreError, Tx};

use crate::{domain::AuditEntry, store::audit};

/// Adds the entry to the audit trail and publishes it. Idempotent: an entry that is in the trail is not published again.
///
/// # Errors
/// [`StoreError`].
pub async fn record_audit_entry(tx: &mut Tx, entry: &AuditEntry) -> Result<(), StoreError> {
    if !audit::insert_if_new(tx, entry).await? {
        return Ok(());
    }
    let event = ActionPerformed {
        actor_id: entry.actor.id().as_uuid(),
        action: entry.action.clone(),
        resource: entry.resource.clone(),
        resource_id: entry.resource_id.clone(),
        tenant_id: entry.tenant.as_ref().map(|tenant| tenant.id.0),
        at: entry.at.into(),
    };
    match &entry.tenant {
        Some(tenant) => {
            tx.publish_for((tenant.id.0, &tenant.region), entry.event, 1, &event)
                .await
        }
        None => tx.publish(entry.event, 1, &event).await,
    }
}
