//! A shop publishes: orders of two tenants are placed and paid.
//!
//! `TENANTRY_KAFKA=host:port TENANTRY_REGISTRY=http://… cargo run -p event-bus --example produce`
//!
//! Then `--example consume` reads what it wrote. `TENANTRY_TOPIC_PREFIX` keeps several runs apart.

use std::{env, sync::LazyLock, time::Duration};

use anyhow::Context;
use event_bus::{
    AvroSchema, BusSettings, Event, EventParts, EventSchemas, OutboundRecord, Producer, Scope,
    TenantRef,
    admin::{Admin, TopicSpec},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
struct OrderPlaced {
    product: String,
}

#[derive(Serialize, Deserialize)]
struct OrderPaid {
    /// In cents.
    amount: i64,
}

impl Event for OrderPlaced {
    const TYPE: &'static str = "order.placed";
    const TOPIC: &'static str = "order.events";
    const AGGREGATE: &'static str = "order";
    const SCOPE: Scope = Scope::Tenant;
    const VERSION: u32 = 1;

    fn schema() -> &'static AvroSchema {
        static SCHEMA: LazyLock<AvroSchema> = LazyLock::new(|| {
            AvroSchema::parse(r#"{"type":"record","name":"OrderPlaced","namespace":"shop","fields":[{"name":"product","type":"string"}]}"#)
                .expect("the schema above is valid")
        });
        &SCHEMA
    }
}

impl Event for OrderPaid {
    const TYPE: &'static str = "order.paid";
    const TOPIC: &'static str = "order.events";
    const AGGREGATE: &'static str = "order";
    const SCOPE: Scope = Scope::Tenant;
    const VERSION: u32 = 1;

    fn schema() -> &'static AvroSchema {
        static SCHEMA: LazyLock<AvroSchema> = LazyLock::new(|| {
            AvroSchema::parse(r#"{"type":"record","name":"OrderPaid","namespace":"shop","fields":[{"name":"amount","type":"long"}]}"#)
                .expect("the schema above is valid")
        });
        &SCHEMA
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let setting = |name| env::var(name).with_context(|| format!("{name} is not set"));
    let mut settings = BusSettings::new(setting("TENANTRY_KAFKA")?, setting("TENANTRY_REGISTRY")?);
    settings.topic_prefix =
        env::var("TENANTRY_TOPIC_PREFIX").unwrap_or_else(|_| "example.".to_owned());

    // The topic and, beside it, `order.events.dlq`. What is there already stays as it is.
    Admin::new(&settings, Duration::from_secs(10))
        .create_topics(&[TopicSpec::new(OrderPlaced::TOPIC, 3)])
        .await?;

    let schemas = EventSchemas::new()
        .with::<OrderPlaced>()
        .with::<OrderPaid>();
    let producer = Producer::new(&settings, schemas)?;
    let [acme, globex] = ["eu", "us"].map(|region| TenantRef {
        id: Uuid::now_v7(),
        region: region.to_owned(),
    });
    // The tenant's id is the key: all of a tenant's events are in one partition, in order.
    let about = |order: &str, tenant: &TenantRef| {
        EventParts::new("/example/shop", order).tenant(tenant.clone())
    };

    // One event: when this returns, all replicas have it.
    let anvil = OrderPlaced {
        product: "an anvil".to_owned(),
    };
    let parts = about("order-1", &acme).sequence(1);
    let correlation = parts.correlation_id;
    producer.publish(parts, &anvil).await?;
    println!("order-1 placed, correlation {correlation}");

    // Many: a result for each, and those of one key succeed as a prefix. The payment of nothing is
    // poison to whoever reads it.
    let rocket = OrderPlaced {
        product: "a rocket".to_owned(),
    };
    let batch = [
        OutboundRecord::of(
            about("order-1", &acme).sequence(2),
            &OrderPaid { amount: 1999 },
        )?,
        OutboundRecord::of(about("order-2", &globex).sequence(1), &rocket)?,
        OutboundRecord::of(
            about("order-2", &globex).sequence(2),
            &OrderPaid { amount: 0 },
        )?,
    ];
    for (record, result) in batch.iter().zip(producer.publish_batch(&batch).await) {
        result?;
        let envelope = &record.envelope;
        println!("{} {}", envelope.subject, envelope.event_type);
    }
    println!("published 4 events");
    Ok(())
}
