//! A shop in one file: orders are placed and paid, a mailer hears of it, and one order is poison.
//!
//! `TENANTRY_KAFKA=… TENANTRY_REGISTRY=… cargo run -p event-bus --example orders`

use std::{env, sync::LazyLock, time::Duration};

use event_bus::{
    AvroSchema, BusSettings, Consumer, Event, EventParts, EventSchemas, Failure, Producer,
    Received, Router, Scope, TenantRef,
    admin::{Admin, TopicSpec},
    tail::{From, Tail, Until},
};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Serialize, Deserialize)]
struct OrderPlaced {
    product: String,
}

#[derive(Serialize, Deserialize)]
struct OrderPaid {
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
                .expect("the schema is valid")
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
                .expect("the schema is valid")
        });
        &SCHEMA
    }
}

async fn on_placed(placed: Received<OrderPlaced>) -> Result<(), Failure> {
    println!("  mail: {} is yours soon", placed.data.product);
    Ok(())
}

async fn on_paid(paid: Received<OrderPaid>) -> Result<(), Failure> {
    if paid.data.amount <= 0 {
        return Err(Failure::permanent(format!(
            "order {} paid nothing",
            paid.envelope.subject
        )));
    }
    println!("  mail: thank you for {}", paid.data.amount);
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let setting = |name| env::var(name).map_err(|_| anyhow::anyhow!("{name} is not set"));
    let mut settings = BusSettings::new(setting("TENANTRY_KAFKA")?, setting("TENANTRY_REGISTRY")?);
    settings.topic_prefix = format!("example{}.", Uuid::now_v7().simple());
    let admin = Admin::new(&settings, TIMEOUT);
    admin
        .create_topics(&[TopicSpec::new("order.events", 3)])
        .await?;

    let stop = CancellationToken::new();
    let mailer = Consumer::builder(&settings, "mailer-order-consumer")
        .topics(["order.events"])
        .handler(Router::new().on(on_placed).on(on_paid))
        .parallel(8)
        .build()?
        .run(stop.clone());
    let mailer = tokio::spawn(mailer);

    let schemas = EventSchemas::new()
        .with::<OrderPlaced>()
        .with::<OrderPaid>();
    let producer = Producer::new(&settings, schemas)?;
    let acme = TenantRef {
        id: Uuid::now_v7(),
        region: "eu".to_owned(),
    };
    for (order, amount) in [("order-1", 1999), ("order-2", 0), ("order-3", 4999)] {
        let about = || EventParts::new("/example/shop", order).tenant(acme.clone());
        let placed = OrderPlaced {
            product: format!("an anvil for {order}"),
        };
        producer.publish(about().sequence(1), &placed).await?;
        producer
            .publish(about().sequence(2), &OrderPaid { amount })
            .await?;
    }

    let mut dead_letters = Tail::open(
        &settings,
        "order.events.dlq",
        From::Beginning,
        Until::Forever,
        TIMEOUT,
    )
    .await?;
    if let Some(letter) = dead_letters.next().await {
        println!(
            "dead letter: {}",
            letter?.header("dlq-error").unwrap_or_default()
        );
    }
    stop.cancel();
    mailer.await??;
    admin
        .delete_topics(&["order.events", "order.events.dlq"])
        .await?;
    Ok(())
}
