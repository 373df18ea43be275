//! What was done is told on the product's audit topic too, so that its trail shows operators' acts.

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

/// Events published together.
const BATCH: usize = 500;

/// What one act was done with.
struct Told {
    resource: &'static str,
    place: String,
    tenant_id: Option<Uuid>,
    tenant: Option<TenantRef>,
}

/// Tells of each letter that was treated. The acts in the dead-letter topics are there by now.
pub async fn tell(bus: &Bus, by: &str, action: &str, report: &Report) -> anyhow::Result<()> {
    let done = report.letters.iter();
    let done = done.filter(|treated| treated.outcome.is_done());
    let told = done.map(|treated| {
        let letter = &treated.letter;
        let envelope = letter.envelope.as_ref();
        Told {
            resource: "dead_letter",
            place: letter.place.to_string(),
            tenant_id: letter.tenant,
            tenant: envelope.and_then(|envelope| envelope.tenant.clone()),
        }
    });
    publish(bus, by, action, report.id, &told.collect::<Vec<_>>()).await
}

/// Tells of each sequence that was treated. The marks in the parked topics are there by now.
pub async fn tell_parked(
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
        Told {
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
    done: &[Told],
) -> anyhow::Result<()> {
    if done.is_empty() {
        return Ok(());
    }
    let topic = ActionPerformed::TOPIC;
    if bus.admin.describe(topic).await?.is_none() {
        eprintln!(
            "note: there is no topic {topic}; what was done is told in the dead-letter topics only"
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
        bail!("done, and told in the dead-letter topics, but {count} acts not on {topic}: {error}");
    }
    Ok(())
}

fn record(
    by: &str,
    action: &str,
    command: Uuid,
    done: &Told,
) -> Result<OutboundRecord, event_bus::BadEvent> {
    let told = ActionPerformed {
        actor_id: actor(by),
        action: action.to_owned(),
        resource: done.resource.to_owned(),
        resource_id: done.place.clone(),
        tenant_id: done.tenant_id,
        at: Timestamp::now(),
    };
    // One act on one thing has one name, however often it is told.
    let subject = Uuid::new_v5(&command, done.place.as_bytes());
    let mut parts = EventParts::new("/tenantry/tenantryctl", subject).sequence(1);
    parts.id = Uuid::new_v5(&subject, action.as_bytes());
    parts.correlation_id = command;
    parts.tenant.clone_from(&done.tenant);
    OutboundRecord::of(parts, &told)
}

/// The id under which a person at the command line acts: always the same for a name.
fn actor(by: &str) -> Uuid {
    let name = format!("tenantry:operator:{by}");
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
}
