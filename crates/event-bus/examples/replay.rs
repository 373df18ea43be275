//! An operator looks at what `--example consume` put aside, replays it to a mended handler, and sees it done.
//!
//! `TENANTRY_KAFKA=host:port TENANTRY_REGISTRY=http://… cargo run -p event-bus --example replay`

use std::{env, sync::LazyLock, time::Duration};

use anyhow::Context;
use event_bus::{
    AvroSchema, BusSettings, Consumer, Event, Failure, Received, Router, Scope,
    dlq::{DeadLetterAdmin, DeadLetterFilter, Replay, Selection},
};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

const GROUP: &str = "mailer-order-consumer";

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

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let setting = |name| env::var(name).with_context(|| format!("{name} is not set"));
    let mut settings = BusSettings::new(setting("TENANTRY_KAFKA")?, setting("TENANTRY_REGISTRY")?);
    settings.topic_prefix =
        env::var("TENANTRY_TOPIC_PREFIX").unwrap_or_else(|_| "example.".to_owned());
    let letters = DeadLetterAdmin::new(&settings, Duration::from_secs(10))?;

    // What the mailer could not handle and nobody has treated yet.
    let open = DeadLetterFilter {
        group: Some(GROUP.to_owned()),
        ..DeadLetterFilter::default()
    };
    for letter in letters.list(&open, None, 100).await?.letters {
        let error = letter.error.unwrap_or_default();
        println!("open: {} ({error})", letter.place);
    }

    // The mended handler: who pays nothing has a voucher.
    let (thank, mut thanked) = tokio::sync::mpsc::unbounded_channel();
    let on_paid = move |paid: Received<OrderPaid>| {
        println!(
            "mail: thank you, {}, for {} cents",
            paid.envelope.subject, paid.data.amount
        );
        let told = thank.send(paid.envelope.id);
        async move { told.map_err(Failure::transient) }
    };
    let stop = CancellationToken::new();
    let mailer = Consumer::builder(&settings, GROUP)
        .topics([OrderPaid::TOPIC])
        .handler(Router::new().on(on_paid))
        .build()?;
    let mailer = tokio::spawn(mailer.run(stop.clone()));

    // First what would happen, then the deed. Other groups pass the replayed events over.
    let all = Selection::matching(open.clone());
    let orders = || Replay::by("ada").reason("vouchers are payment");
    let planned = letters.replay(&all, &orders().dry_run()).await?;
    println!("to be replayed: {}", planned.letters.len());
    let report = letters.replay(&all, &orders()).await?;
    println!("replayed: {}", report.done());

    for _ in 0..report.done() {
        let handled = tokio::time::timeout(Duration::from_secs(30), thanked.recv()).await?;
        println!("handled: {}", handled.context("the mailer ended")?);
    }
    stop.cancel();
    mailer.await??;
    let left = letters.list(&open, None, 100).await?.letters.len();
    println!("open now: {left}");
    Ok(())
}
