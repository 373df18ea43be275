//! A person did something.

use events::audit::ActionPerformed;
use service::{StoreError, Tx};

use crate::{
    domain::Act,
    store::audit::{self, Entered},
};

/// Enters the act into the trail and tells of it, once: an act that is in the trail is not told of again.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn audit_act(tx: &mut Tx, act: &Act) -> Result<(), StoreError> {
    if audit::enter(tx.conn(), act).await? == Entered::Before {
        return Ok(());
    }
    let told = ActionPerformed {
        actor_id: act.actor.id().as_uuid(),
        action: act.action.clone(),
        resource: act.resource.clone(),
        resource_id: act.resource_id.clone(),
        tenant_id: act.tenant.as_ref().map(|tenant| tenant.id.0),
        at: act.at.into(),
    };
    match &act.tenant {
        Some(tenant) => {
            tx.publish_for((tenant.id.0, &tenant.region), act.event, 1, &told)
                .await
        }
        None => tx.publish(act.event, 1, &told).await,
    }
}
