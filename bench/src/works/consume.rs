//! Consuming: records are read, validated, decoded and passed to a handler.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::bail;
use async_trait::async_trait;
use event_bus::{Consumer, Event as _, Received, Router};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    Against, Bound, Figure, Goal, Side, Work,
    event::{self, Placed, placed},
    rdkafka_performance, topics,
};
use crate::{
    environment::Environment,
    reading::{Clock, Reading},
};

/// Events per turn, which is also the size of the log.
const EVENTS: u64 = 1_000_000;
const TENANTS: u64 = 100;
/// Time limit; exceeded only if something hangs.
const PATIENCE: Duration = Duration::from_mins(3);

pub struct Consume;

#[async_trait]
impl Work for Consume {
    fn name(&self) -> &'static str {
        "consume"
    }

    fn title(&self) -> &'static str {
        "consume and decode 157-byte events of 100 tenants"
    }

    fn sides(&self) -> &'static [Side] {
        const {
            &[
                Side::every(
                    "event-bus",
                    "a consumer with a typed handler: validation, decoding, lanes, offsets",
                ),
                Side::every(
                    "rdkafka_performance",
                    "librdkafka's benchmark in a group, reading headers, without decoding",
                ),
                Side::every(
                    "rdkafka_performance bare",
                    "the same without reading headers",
                ),
            ]
        }
    }

    fn goals(&self) -> &'static [Goal] {
        const {
            &[
                Goal {
                    side: "event-bus",
                    figure: Figure::Rate,
                    against: Against::Side("rdkafka_performance"),
                    bound: Some(Bound::AtLeast(0.8)),
                },
                Goal {
                    side: "event-bus",
                    figure: Figure::Rate,
                    against: Against::Side("rdkafka_performance bare"),
                    bound: None,
                },
            ]
        }
    }

    async fn prepare(&self, environment: &Environment) -> anyhow::Result<()> {
        topics::recreate(environment, &[Placed::TOPIC], 6).await?;
        event::publish(environment, environment.scaled(EVENTS), |n| {
            placed(n % TENANTS, n % (TENANTS * 10), n / (TENANTS * 10) + 1)
        })
        .await
    }

    async fn run(&self, environment: &Environment, side: &str) -> anyhow::Result<Reading> {
        let events = environment.scaled(EVENTS);
        match side {
            "event-bus" => ours(environment, events).await,
            "rdkafka_performance" => rival(environment, events, &["-H", "parse"]).await,
            "rdkafka_performance bare" => rival(environment, events, &[]).await,
            other => bail!("unknown side {other:?}"),
        }
    }
}

/// Measured from the first event on, like the reference, so joining the group is excluded.
async fn ours(environment: &Environment, events: u64) -> anyhow::Result<Reading> {
    let (seen, all) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
    let first = Arc::new(Notify::new());
    let handler = {
        let (seen, all, first) = (Arc::clone(&seen), Arc::clone(&all), Arc::clone(&first));
        move |placed: Received<Placed>| {
            let amount = std::hint::black_box(placed.data.amount);
            let count = seen.fetch_add(1, Ordering::Relaxed) + 1;
            if count == 1 {
                first.notify_one();
            }
            if count == events {
                all.notify_one();
            }
            async move {
                debug_assert!(amount > 0);
                Ok(())
            }
        }
    };
    let stop = CancellationToken::new();
    let consumer = Consumer::builder(
        &environment.bus(),
        format!("bench-{}", uuid::Uuid::now_v7()),
    )
    .topics([Placed::TOPIC])
    .handler(Router::new().on(handler))
    .build()?;
    let running = tokio::spawn(consumer.run(stop.clone()));
    tokio::time::timeout(PATIENCE, first.notified()).await?;
    let clock = Clock::own();
    tokio::time::timeout(PATIENCE, all.notified()).await?;
    let reading = clock.read(events);
    stop.cancel();
    running.await??;
    Ok(reading)
}

async fn rival(environment: &Environment, events: u64, extra: &[&str]) -> anyhow::Result<Reading> {
    let topic = environment.bus().prefixed(Placed::TOPIC);
    let (group, events) = (
        format!("rival-{}", uuid::Uuid::now_v7()),
        events.to_string(),
    );
    let arguments = [
        "-G",
        &group,
        "-c",
        &events,
        "-X",
        "auto.offset.reset=earliest",
    ];
    let arguments: Vec<String> = arguments
        .iter()
        .chain(extra)
        .map(|text| (*text).to_owned())
        .collect();
    rdkafka_performance::run(environment, &topic, &arguments).await
}
