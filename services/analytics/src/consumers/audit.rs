//! What people did, from whatever topic tells it.

use event_bus::{Envelope, Event, Failure, Record};
use events::audit::ActionPerformed;
use service::{AnyEventHandler, EventConsumer, Runtime, Tx};

use crate::{
    domain::{Act, ActTenant, EventId, Person},
    use_cases::audit_act,
};

struct Audit;

/// Every topic but the one that the audit itself is told on.
pub(super) fn start(runtime: &Runtime) {
    let topics: Vec<_> = events::topics()
        .into_iter()
        .filter(|topic| *topic != ActionPerformed::TOPIC)
        .collect();
    EventConsumer::any_in_platform(runtime, "analytics-audit-consumer", &topics, Audit).start();
}

impl AnyEventHandler for Audit {
    async fn handle(&self, record: &Record, tx: &mut Tx) -> Result<(), Failure> {
        match act(&record.envelope) {
            Some(act) => Ok(audit_act(tx, &act).await?),
            None => Ok(()),
        }
    }
}

/// The act behind an event, if it was a person's.
fn act(envelope: &Envelope) -> Option<Act> {
    let actor = Person::of(envelope.user_id?.into())?;
    Some(Act {
        event: EventId(envelope.id),
        actor,
        action: envelope.event_type.clone(),
        resource: envelope.aggregate.clone(),
        resource_id: envelope.subject.clone(),
        tenant: envelope.tenant.as_ref().map(|tenant| ActTenant {
            id: tenant.id.into(),
            region: tenant.region.clone(),
        }),
        correlation_id: envelope.correlation_id,
        at: envelope.time,
    })
}
