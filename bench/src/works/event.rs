//! The event of works that do not depend on its type: 157 bytes on the wire.

use std::sync::LazyLock;

use event_bus::{
    AvroSchema, Event, EventParts, EventSchemas, OutboundRecord, Producer, Scope, TenantRef,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::environment::Environment;

/// Batch size for filling a topic.
const BATCH: u64 = 5_000;

/// Bytes of the value: five of the wire format's prefix, and the Avro datum.
pub const BYTES: usize = 157;

/// A placed order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Placed {
    /// The order.
    pub order_id: String,
    /// The buyer.
    pub customer_id: String,
    /// In minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// The quantity.
    pub pieces: i32,
    /// Fills the event to its size.
    pub note: String,
}

impl Event for Placed {
    const TYPE: &'static str = "bench.placed";
    const TOPIC: &'static str = "bench.events";
    const AGGREGATE: &'static str = "bench";
    const SCOPE: Scope = Scope::Tenant;
    const VERSION: u32 = 1;

    fn schema() -> &'static AvroSchema {
        static SCHEMA: LazyLock<AvroSchema> = LazyLock::new(|| {
            let schema = r#"{"type":"record","name":"Placed","namespace":"bench","fields":[
                {"name":"order_id","type":"string"},{"name":"customer_id","type":"string"},
                {"name":"amount","type":"long"},{"name":"currency","type":"string"},
                {"name":"pieces","type":"int"},{"name":"note","type":"string"}]}"#;
            AvroSchema::parse(schema).expect("the schema above is valid")
        });
        &SCHEMA
    }
}

/// Returns the tenant with this number.
pub fn tenant(number: u64) -> TenantRef {
    TenantRef {
        id: Uuid::from_u128(0x019a_a5b2_6a53_7c41_a9cf_0000_0000_0000 + u128::from(number)),
        region: "eu".to_owned(),
    }
}

/// Returns an event of a tenant about an order, as a record for the outbox.
///
/// # Errors
/// The event is invalid, which it is not.
pub fn placed(tenant_number: u64, order: u64, sequence: u64) -> anyhow::Result<OutboundRecord> {
    let tenant = tenant(tenant_number);
    let subject = Uuid::from_u128(tenant.id.as_u128() ^ (u128::from(order + 1) << 64));
    let parts = EventParts {
        tenant: Some(tenant),
        sequence,
        ..EventParts::new("/tenantry/order", subject)
    };
    let event = Placed {
        order_id: subject.to_string(),
        customer_id: parts.id.to_string(),
        amount: 129_900,
        currency: "EUR".to_owned(),
        pieces: 3,
        note: "n".repeat(68),
    };
    Ok(OutboundRecord::of(parts, &event)?)
}

/// Creates a producer for the event.
///
/// # Errors
/// A setting is invalid.
pub fn producer(environment: &Environment) -> anyhow::Result<Producer> {
    Ok(Producer::new(
        &environment.bus(),
        EventSchemas::new().with::<Placed>(),
    )?)
}

/// Fills the topic with the events that `make` returns for the numbers below `events`, in order.
///
/// # Errors
/// An event cannot be created or published.
pub async fn publish(
    environment: &Environment,
    events: u64,
    make: impl Fn(u64) -> anyhow::Result<OutboundRecord>,
) -> anyhow::Result<()> {
    let producer = producer(environment)?;
    let mut filled = 0;
    while filled < events {
        let end = (filled + BATCH).min(events);
        let batch = (filled..end)
            .map(&make)
            .collect::<anyhow::Result<Vec<_>>>()?;
        for published in producer.publish_batch(&batch).await {
            published?;
        }
        filled = end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_has_its_size() {
        let record = placed(1, 1, 1).unwrap();
        assert_eq!(record.datum.len() + 5, BYTES);
    }
}
