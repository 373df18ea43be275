//! What was done is told on the product's audit topic too, so that its trail shows operators' acts.

use anyhow::bail;
use event_bus::{
    Event, EventParts, OutboundRecord, Producer,
    dead_letters::{Report, Treated},
};
use events::{Timestamp, audit::ActionPerformed};
use uuid::Uuid;

use crate::Bus;

/// Events published together.
const BATCH: usize = 500;

/// Tells of each letter that was treated. The acts in the dead-letter topics are there by now.
pub async fn tell(bus: &Bus, by: &str, action: &str, report: &Report) -> anyhow::Result<()> {
    let done = report.letters.iter();
    let done: Vec<&Treated> = done.filter(|treated| treated.outcome.is_done()).collect();
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
            .map(|treated| record(by, action, report.id, treated))
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
    treated: &Treated,
) -> Result<OutboundRecord, event_bus::BadEvent> {
    let letter = &treated.letter;
    let place = letter.place.to_string();
    let told = ActionPerformed {
        actor_id: actor(by),
        action: action.to_owned(),
        resource: "dead_letter".to_owned(),
        resource_id: place.clone(),
        tenant_id: letter.tenant,
        at: Timestamp::now(),
    };
    // One act on one letter has one name, however often it is told.
    let subject = Uuid::new_v5(&command, place.as_bytes());
    let mut parts = EventParts::new("/tenantry/tenantryctl", subject).sequence(1);
    parts.id = Uuid::new_v5(&subject, action.as_bytes());
    parts.correlation_id = command;
    let envelope = letter.envelope.as_ref();
    parts.tenant = envelope.and_then(|envelope| envelope.tenant.clone());
    OutboundRecord::of(parts, &told)
}

/// The id under which a person at the command line acts: always the same for a name.
fn actor(by: &str) -> Uuid {
    let name = format!("tenantry:operator:{by}");
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
}
