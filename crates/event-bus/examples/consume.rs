//! A mailer consumes what `--example produce` published, puts poison aside, and ends when it has caught up.
//!
//! `TENANTRY_KAFKA=host:port TENANTRY_REGISTRY=http://… cargo run -p event-bus --example consume`

use std::{env, sync::LazyLock, time::Duration};

use anyhow::Context;
use event_bus::{
    AvroSchema, BusSettings, Consumer, Event, Failure, Received, Router, Scope,
    admin::Admin,
    log_reader::{LogReader, ReadFrom, ReadUntil},
};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

const GROUP: &str = "mailer-order-consumer";
const TIMEOUT: Duration = Duration::from_secs(10);

/// What this program wants of the payment: fields it does not name are skipped.
#[derive(Serialize, Deserialize)]
struct OrderPaid {
    amount: i64,
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

async fn on_paid(paid: Received<OrderPaid>) -> Result<(), Failure> {
    let order = &paid.envelope.subject;
    if paid.data.amount <= 0 {
        // Trying again cannot help: aside with it, so that the tenant's next event gets its turn.
        return Err(Failure::permanent(format!("{order} paid nothing")));
    }
    println!("mail: thank you for {} cents, {order}", paid.data.amount);
    Ok(())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let setting = |name| env::var(name).with_context(|| format!("{name} is not set"));
    let mut settings = BusSettings::new(setting("TENANTRY_KAFKA")?, setting("TENANTRY_REGISTRY")?);
    settings.topic_prefix =
        env::var("TENANTRY_TOPIC_PREFIX").unwrap_or_else(|_| "example.".to_owned());

    let stop = CancellationToken::new();
    let mailer = Consumer::builder(&settings, GROUP)
        .topics([OrderPaid::TOPIC])
        // Types without a handler, as `order.placed`, are passed over without being read.
        .handler(Router::new().on(on_paid))
        .parallel(8)
        .build()?;
    let mailer = tokio::spawn(mailer.run(stop.clone()));

    // A service runs until it is told to stop; this program until nothing is left to read.
    let admin = Admin::new(&settings, TIMEOUT);
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let lags = admin.lag(GROUP).await?;
        if !lags.is_empty() && lags.iter().all(|lag| lag.records() == 0) {
            break;
        }
    }
    // Running work ends, offsets are committed, the group is left.
    stop.cancel();
    mailer.await??;

    let mut letters = LogReader::open(
        &settings,
        "order.events.dlq",
        ReadFrom::Beginning,
        ReadUntil::End,
        TIMEOUT,
    )
    .await?;
    while let Some(letter) = letters.next().await {
        let letter = letter?;
        let story = |name| letter.header(name).unwrap_or_default();
        println!(
            "dead letter: {} ({})",
            story("dlq-error"),
            story("dlq-error-class")
        );
    }
    println!("caught up");
    Ok(())
}
