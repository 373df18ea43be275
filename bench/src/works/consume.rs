//! Consuming: records read, envelopes checked, payloads decoded, each given to a handler in its lane.

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
    place::Place,
    reading::{Clock, Reading},
};

/// Events a turn; the log holds as many.
const EVENTS: u64 = 1_000_000;
const TENANTS: u64 = 100;
/// Nobody takes longer, unless it hangs.
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
                    "a consumer with a typed handler: envelope checked, payload decoded, lanes, offsets",
                ),
                Side::every(
                    "rdkafka_performance",
                    "librdkafka's own program in a group, reading headers, decoding nothing",
                ),
                Side::every(
                    "rdkafka_performance bare",
                    "the same without a look at the headers",
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

    async fn prepare(&self, place: &Place) -> anyhow::Result<()> {
        topics::anew(place, &[Placed::TOPIC], 6).await?;
        event::publish(place, place.scaled(EVENTS), |n| {
            placed(n % TENANTS, n % (TENANTS * 10), n / (TENANTS * 10) + 1)
        })
        .await
    }

    async fn run(&self, place: &Place, side: &str) -> anyhow::Result<Reading> {
        let events = place.scaled(EVENTS);
        match side {
            "event-bus" => ours(place, events).await,
            "rdkafka_performance" => rival(place, events, &["-H", "parse"]).await,
            "rdkafka_performance bare" => rival(place, events, &[]).await,
            other => bail!("nobody called {other:?} takes part"),
        }
    }
}

/// As its rival, it counts from the first event on: joining the group is not consuming.
async fn ours(place: &Place, events: u64) -> anyhow::Result<Reading> {
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
    let consumer = Consumer::builder(&place.bus(), format!("bench-{}", uuid::Uuid::now_v7()))
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

async fn rival(place: &Place, events: u64, extra: &[&str]) -> anyhow::Result<Reading> {
    let topic = place.bus().prefixed(Placed::TOPIC);
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
    rdkafka_performance::run(place, &topic, &arguments).await
}
