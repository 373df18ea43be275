//! Publishing operations on dead letters to the audit topic.

use anyhow::bail;
use event_bus::{
    Event, EventParts, OutboundRecord, Producer, TenantRef,
    dlq::{
        Report,
        parked::{ParkedOutcome, ParkedReport},
    },
};
use events::{Timestamp, audit::ActionPerformed};
use uuid::Uuid;

use crate::Bus;

/// Number of events per batch.
const BATCH: usize = 500;

/// The object of an operation.
struct AuditedObject {
    resource: &'static str,
    place: String,
    tenant_id: Option<Uuid>,
    tenant: Option<TenantRef>,
}

/// Publishes an audit event for each processed dead letter. The records in the dead-letter topics are written before.
pub async fn publish_letters(
    bus: &Bus,
    by: &str,
    action: &str,
    report: &Report,
) -> anyhow::Result<()> {
    let done = report.letters.iter();
    let done = done.filter(|treated| treated.outcome.is_done());
    let told = done.map(|treated| {
        let letter = &treated.letter;
        let envelope = letter.envelope.as_ref();
        AuditedObject {
            resource: "dead_letter",
            place: letter.place.to_string(),
            tenant_id: letter.tenant,
            tenant: envelope.and_then(|envelope| envelope.tenant.clone()),
        }
    });
    publish(bus, by, action, report.id, &told.collect::<Vec<_>>()).await
}

/// Publishes an audit event for each processed sequence. The records in the parked topics are written before.
pub async fn publish_sequences(
    bus: &Bus,
    by: &str,
    action: &str,
    report: &ParkedReport,
) -> anyhow::Result<()> {
    let done = report.sequences.iter();
    let done = done.filter(|treated| treated.outcome == ParkedOutcome::Done);
    let told = done.map(|treated| {
        let sequence = &treated.place.sequence;
        let tenant = sequence.split('/').next();
        AuditedObject {
            resource: "parked_sequence",
            place: treated.place.to_string(),
            tenant_id: tenant.and_then(|tenant| tenant.parse().ok()),
            tenant: None,
        }
    });
    publish(bus, by, action, report.id, &told.collect::<Vec<_>>()).await
}

async fn publish(
    bus: &Bus,
    by: &str,
    action: &str,
    command: Uuid,
    done: &[AuditedObject],
) -> anyhow::Result<()> {
    if done.is_empty() {
        return Ok(());
    }
    let topic = ActionPerformed::TOPIC;
    if bus.admin.describe(topic).await?.is_none() {
        eprintln!(
            "note: topic {topic} does not exist; the operation is recorded in the dead-letter topics only"
        );
        return Ok(());
    }
    let producer = Producer::with_deadline(&bus.settings, events::Catalogue, bus.timeout)?;
    let mut failed = Vec::new();
    for some in done.chunks(BATCH) {
        let records = some
            .iter()
            .map(|told| record(by, action, command, told))
            .collect::<Result<Vec<_>, _>>()?;
        let results = producer.publish_batch(&records).await;
        failed.extend(results.into_iter().filter_map(Result::err));
    }
    if let Some(error) = failed.first() {
        let count = failed.len();
        bail!(
            "done and recorded in the dead-letter topics, but {count} audit events were not published to {topic}: {error}"
        );
    }
    Ok(())
}

fn record(
    by: &str,
    action: &str,
    command: Uuid,
    done: &AuditedObject,
) -> Result<OutboundRecord, event_bus::InvalidEvent> {
    let event = ActionPerformed {
        actor_id: actor(by),
        action: action.to_owned(),
        resource: done.resource.to_owned(),
        resource_id: done.place.clone(),
        tenant_id: done.tenant_id,
        at: Timestamp::now(),
    };
    // Deterministic ids: publishing the same operation again is a duplicate.
    let subject = Uuid::new_v5(&command, done.place.as_bytes());
    let mut parts = EventParts::new("/tenantry/tenantryctl", subject).sequence(1);
    parts.id = Uuid::new_v5(&subject, action.as_bytes());
    parts.correlation_id = command;
    parts.tenant.clone_from(&done.tenant);
    OutboundRecord::of(parts, &event)
}

/// Returns the stable actor id of an operator's name.
fn actor(by: &str) -> Uuid {
    let name = format!("tenantry:operator:{by}");
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
}
