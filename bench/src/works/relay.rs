//! The relay: rows that wait in outboxes, until the broker has acknowledged the last of them.

mod limits;
mod outboxes;
pub mod rows;
mod zipf;

use std::{sync::Arc, time::Duration};

use anyhow::{bail, ensure};
use async_trait::async_trait;
use event_bus::Event as _;
use tokio::time::timeout;

use super::{
    Against, Bound, Figure, Goal, Side, Work, debezium,
    event::Placed,
    outboxes::{Relaying, drop_all},
    topics,
};
use crate::{
    place::Place,
    reading::{Clock, Reading},
};
use outboxes::Full;

/// Rows a turn.
const ROWS: u64 = 1_000_000;
const PARTITIONS: i32 = 6;
/// Nobody takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_mins(10);
/// What the relay is held against.
const LIMITS: Against = Against::Lowest(&["raw drain", "raw produce"]);

pub struct Relay;

#[async_trait]
impl Work for Relay {
    fn name(&self) -> &'static str {
        "relay"
    }

    fn title(&self) -> &'static str {
        "relay 1 M rows that wait in outboxes, to the last acknowledgement"
    }

    fn sides(&self) -> &'static [Side] {
        const {
            &[
                Side::every(
                    "event-bus",
                    "outbox::Relay as it comes, one outbox, until it is empty",
                ),
                Side::every(
                    "event-bus 1,000 outboxes",
                    "the same rows in 1,000 outboxes, by Zipf's law with s = 1, until all are empty",
                ),
                Side::every(
                    "raw drain",
                    "DELETE … RETURNING of 5,000 rows at a time by one connection, each committed; no Kafka",
                ),
                Side::every(
                    "raw produce",
                    "librdkafka's producer, the same keys, headers and values from memory; no PostgreSQL",
                ),
                Side::once(
                    "debezium",
                    "its connector and outbox event router in Kafka Connect, reading the log; from its first record on",
                ),
                Side::once(
                    "debezium snapshot",
                    "the same, reading the table as its first snapshot",
                ),
                Side::once(
                    "debezium bare",
                    "reading the log, without headers but the id: no envelope, no CloudEvents",
                ),
            ]
        }
    }

    fn goals(&self) -> &'static [Goal] {
        const {
            &[
                rate("event-bus", LIMITS, Some(0.5)),
                rate("event-bus 1,000 outboxes", LIMITS, Some(0.5)),
                rate("event-bus", Against::Side("debezium"), Some(3.0)),
                rate("event-bus", Against::Side("debezium snapshot"), Some(3.0)),
                rate("event-bus", Against::Side("debezium bare"), None),
            ]
        }
    }

    async fn prepare(&self, place: &Place) -> anyhow::Result<()> {
        rows::make(place, place.scaled(ROWS)).await
    }

    async fn ready(&self, place: &Place, side: &str) -> anyhow::Result<()> {
        topics::anew(place, &[Placed::TOPIC], PARTITIONS).await?;
        match side {
            "event-bus" | "raw drain" => rows::fill_one(place).await,
            "event-bus 1,000 outboxes" => rows::fill_all(place).await,
            "raw produce" => Ok(()),
            other => debezium::ready(place, debezium(other)?).await,
        }
    }

    async fn run(&self, place: &Place, side: &str) -> anyhow::Result<Reading> {
        let events = place.scaled(ROWS);
        let reading = match side {
            "event-bus" => relayed(place, 1, events).await?,
            "event-bus 1,000 outboxes" => relayed(place, rows::OUTBOXES, events).await?,
            "raw drain" => return limits::drain(place, events).await,
            "raw produce" => limits::produce(place, events)?,
            other => return debezium::run(place, debezium(other)?, PARTITIONS, events).await,
        };
        let arrived = topics::End::of(place, Placed::TOPIC, PARTITIONS)?.records()?;
        ensure!(
            arrived == events,
            "of {events} rows {arrived} are in the log"
        );
        Ok(reading)
    }

    async fn clean(&self, place: &Place) -> anyhow::Result<()> {
        debezium::clean(place).await?;
        drop_all(place, rows::DATABASE).await
    }
}

/// Whether its rate is at least `bound` times the other's.
const fn rate(side: &'static str, against: Against, bound: Option<f64>) -> Goal {
    Goal {
        side,
        figure: Figure::Rate,
        against,
        bound: match bound {
            Some(bound) => Some(Bound::AtLeast(bound)),
            None => None,
        },
    }
}

/// How Debezium takes part under this name.
fn debezium(side: &str) -> anyhow::Result<debezium::Way> {
    match side {
        "debezium" => Ok(debezium::Way::TopicLog),
        "debezium snapshot" => Ok(debezium::Way::Snapshot),
        "debezium bare" => Ok(debezium::Way::LogBare),
        other => bail!("nobody called {other:?} takes part"),
    }
}

/// From the start of the relay until it has found every outbox empty.
async fn relayed(place: &Place, count: usize, events: u64) -> anyhow::Result<Reading> {
    let full = Arc::new(Full::open(place, count)?);
    let clock = Clock::own();
    let relaying = Relaying::start(place, Arc::clone(&full) as _)?;
    timeout(PATIENCE, full.empty()).await?;
    let reading = clock.read(events);
    relaying.end().await?;
    Ok(reading)
}
