//! The audit of actions of users, from the events of all topics.

use event_bus::{Envelope, Event, Failure, Record};
use events::audit::ActionPerformed;
use service::{AnyEventHandler, EventConsumer, Runtime, Tx};

use crate::{
    domain::{AuditEntry, AuditTenant, EventId, HumanActor},
    use_cases::record_audit_entry,
};

struct AuditRecorder;

/// Consumes every topic except the one of the audit itself.
pub(super) fn start(runtime: &Runtime) {
    let topics: Vec<_> = events::topics()
        .into_iter()
        .filter(|topic| *topic != ActionPerformed::TOPIC)
        .collect();
    EventConsumer::any_in_platform(runtime, "analytics-audit-consumer", &topics, AuditRecorder)
        .start();
}

impl AnyEventHandler for AuditRecorder {
    async fn handle(&self, record: &Record, tx: &mut Tx) -> Result<(), Failure> {
        match audit_entry(&record.envelope) {
            Some(entry) => Ok(record_audit_entry(tx, &entry).await?),
            None => Ok(()),
        }
    }
}

/// The action that caused an event, if a human performed it.
fn audit_entry(envelope: &Envelope) -> Option<AuditEntry> {
    let actor = HumanActor::new(envelope.user_id?.into())?;
    Some(AuditEntry {
        event: EventId(envelope.id),
        actor,
        action: envelope.event_type.clone(),
        resource: envelope.aggregate.clone(),
        resource_id: envelope.subject.clone(),
        tenant: envelope.tenant.as_ref().map(|tenant| AuditTenant {
            id: tenant.id.into(),
            region: tenant.region.clone(),
        }),
        correlation_id: envelope.correlation_id,
        at: envelope.time,
    })
}
