//! A shop with one database: state and event are committed together, the relay publishes the event, and the inbox
//! deduplicates its effect.
//!
//! `TENANTRY_DATABASE=postgres://… TENANTRY_KAFKA=host:port TENANTRY_REGISTRY=http://… cargo run -p outbox --example outbox`

use std::{
    env,
    sync::{Arc, LazyLock},
    time::Duration,
};

use anyhow::Context;
use async_trait::async_trait;
use event_bus::{
    AvroSchema, BusSettings, Consumer, Event, EventParts, EventSchemas, Failure, OutboundRecord,
    Producer, Received, Router, Scope,
    admin::{Admin, TopicSpec},
};
use outbox::{OutboxId, Outboxes, Relay, RelaySettings, SourceError, Sweep};
use serde::{Deserialize, Serialize};
use sqlx::{Executor, PgPool, Postgres, pool::PoolConnection};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const TABLES: &str =
    "CREATE TABLE IF NOT EXISTS orders (id uuid PRIMARY KEY, amount bigint NOT NULL);
                      CREATE TABLE IF NOT EXISTS mails (order_id uuid NOT NULL)";

#[derive(Serialize, Deserialize)]
struct OrderPaid {
    amount: i64,
}

impl Event for OrderPaid {
    const TYPE: &'static str = "order.paid";
    const TOPIC: &'static str = "order.events";
    const AGGREGATE: &'static str = "order";
    const SCOPE: Scope = Scope::Platform;
    const VERSION: u32 = 1;

    fn schema() -> &'static AvroSchema {
        static SCHEMA: LazyLock<AvroSchema> = LazyLock::new(|| {
            AvroSchema::parse(r#"{"type":"record","name":"OrderPaid","namespace":"shop","fields":[{"name":"amount","type":"long"}]}"#)
                .expect("the schema above is valid")
        });
        &SCHEMA
    }
}

/// One database with one outbox. A multi-tenant service has one per tenant.
struct OneDatabase(PgPool);

#[async_trait]
impl Outboxes for OneDatabase {
    async fn candidates(&self, _: Sweep) -> Result<Vec<OutboxId>, SourceError> {
        Ok(vec![OutboxId::from("shop")])
    }

    async fn open(&self, _: &OutboxId) -> Result<PoolConnection<Postgres>, SourceError> {
        Ok(self.0.acquire().await?)
    }

    async fn mark_clean(&self, _: &OutboxId) -> Result<(), SourceError> {
        Ok(())
    }
}

/// Inserts the order and appends its event in a new transaction, which the caller commits.
async fn pay(
    pool: &PgPool,
    order: Uuid,
    amount: i64,
) -> anyhow::Result<(sqlx::Transaction<'static, Postgres>, OutboundRecord)> {
    let mut tx = pool.begin().await?;
    let paid = sqlx::query("INSERT INTO orders (id, amount) VALUES ($1, $2)")
        .bind(order)
        .bind(amount);
    paid.execute(&mut *tx).await?;
    let event = OutboundRecord::of(
        EventParts::new("/example/shop", order).sequence(1),
        &OrderPaid { amount },
    )?;
    outbox::append(&mut tx, &event).await?;
    Ok((tx, event))
}

/// Sends one e-mail per payment. The inbox row deduplicates redelivered events.
async fn mail(pool: PgPool, paid: Received<OrderPaid>) -> Result<(), Failure> {
    let order: Uuid = paid.envelope.subject.parse().map_err(Failure::permanent)?;
    let mut tx = pool.begin().await.map_err(Failure::unavailable)?;
    if outbox::inbox::insert_if_new(&mut tx, "mailer", paid.envelope.id)
        .await
        .map_err(Failure::unavailable)?
    {
        let sent = sqlx::query("INSERT INTO mails (order_id) VALUES ($1)").bind(order);
        sent.execute(&mut *tx).await.map_err(Failure::unavailable)?;
    } else {
        println!("duplicate event skipped");
    }
    tx.commit().await.map_err(Failure::unavailable)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let setting = |name| env::var(name).with_context(|| format!("{name} is not set"));
    let pool = PgPool::connect(&setting("TENANTRY_DATABASE")?).await?;
    pool.execute(outbox::SCHEMA).await?;
    pool.execute(TABLES).await?;
    let mut settings = BusSettings::new(setting("TENANTRY_KAFKA")?, setting("TENANTRY_REGISTRY")?);
    settings.topic_prefix = format!("example{}.", Uuid::now_v7().simple());
    let admin = Admin::new(&settings, Duration::from_secs(10));
    admin
        .create_topics(&[TopicSpec::new(OrderPaid::TOPIC, 1)])
        .await?;

    let stop = CancellationToken::new();
    let producer = Arc::new(Producer::new(
        &settings,
        EventSchemas::new().with::<OrderPaid>(),
    )?);
    let database = Arc::new(OneDatabase(pool.clone()));
    let (relay, waker) = Relay::new(database, Arc::clone(&producer), RelaySettings::default());
    let relay = tokio::spawn(relay.run(stop.clone()));
    let handler = {
        let pool = pool.clone();
        move |paid| mail(pool.clone(), paid)
    };
    let mailer = Consumer::builder(&settings, "mailer")
        .topics([OrderPaid::TOPIC])
        .handler(Router::new().on(handler));
    let mailer = tokio::spawn(mailer.build()?.run(stop.clone()));

    // A rolled-back event is never published.
    let (tx, _) = pay(&pool, Uuid::now_v7(), 1).await?;
    tx.rollback().await?;
    let order = Uuid::now_v7();
    let (tx, event) = pay(&pool, order, 1999).await?;
    tx.commit().await?;
    waker.wake(OutboxId::from("shop"));
    println!("order and event committed");
    // Publish the event a second time, as after a crash between publish and delete.
    for result in producer.publish_batch(&[event]).await {
        result?;
    }

    while admin
        .lag("mailer")
        .await?
        .iter()
        .map(|lag| lag.committed)
        .sum::<i64>()
        < 2
    {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mails: i64 = sqlx::query_scalar("SELECT count(*) FROM mails WHERE order_id = $1")
        .bind(order)
        .fetch_one(&pool)
        .await?;
    println!(
        "e-mails for the order: {mails}, unpublished events: {}",
        outbox::depth(&mut *pool.acquire().await?).await?
    );
    stop.cancel();
    mailer.await??;
    relay.await?;
    admin
        .delete_topics(&["order.events", "order.events.dlq"])
        .await?;
    Ok(())
}
