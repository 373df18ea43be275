//! The relay: publishing preloaded outbox rows, until the last acknowledgement.

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
    environment::Environment,
    reading::{Clock, Reading},
};
use outboxes::Full;

/// Rows per turn.
const ROWS: u64 = 1_000_000;
const PARTITIONS: i32 = 6;
/// Time limit; exceeded only if something hangs.
const PATIENCE: Duration = Duration::from_mins(10);
/// The limits that the relay is compared with.
const LIMITS: Against = Against::Lowest(&["raw drain", "raw produce"]);

pub struct Relay;

#[async_trait]
impl Work for Relay {
    fn name(&self) -> &'static str {
        "relay"
    }

    fn title(&self) -> &'static str {
        "relay 1 M preloaded outbox rows, to the last acknowledgement"
    }

    fn sides(&self) -> &'static [Side] {
        const {
            &[
                Side::every(
                    "event-bus",
                    "outbox::Relay with default settings, one outbox, until it is empty",
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
                    "its connector and outbox event router in Kafka Connect, reading the log; measured from its first record on",
                ),
                Side::once(
                    "debezium snapshot",
                    "the same, reading the table as an initial snapshot",
                ),
                Side::once(
                    "debezium bare",
                    "reading the log, without headers except the id: no envelope, no CloudEvents",
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

    async fn prepare(&self, environment: &Environment) -> anyhow::Result<()> {
        rows::make(environment, environment.scaled(ROWS)).await
    }

    async fn ready(&self, environment: &Environment, side: &str) -> anyhow::Result<()> {
        topics::recreate(environment, &[Placed::TOPIC], PARTITIONS).await?;
        match side {
            "event-bus" | "raw drain" => rows::fill_one(environment).await,
            "event-bus 1,000 outboxes" => rows::fill_all(environment).await,
            "raw produce" => Ok(()),
            other => debezium::ready(environment, debezium(other)?).await,
        }
    }

    async fn run(&self, environment: &Environment, side: &str) -> anyhow::Result<Reading> {
        let events = environment.scaled(ROWS);
        let reading = match side {
            "event-bus" => relayed(environment, 1, events).await?,
            "event-bus 1,000 outboxes" => relayed(environment, rows::OUTBOXES, events).await?,
            "raw drain" => return limits::drain(environment, events).await,
            "raw produce" => limits::produce(environment, events)?,
            other => return debezium::run(environment, debezium(other)?, PARTITIONS, events).await,
        };
        let arrived = topics::End::of(environment, Placed::TOPIC, PARTITIONS)?.records()?;
        ensure!(
            arrived == events,
            "only {arrived} of {events} rows are in the log"
        );
        Ok(reading)
    }

    async fn clean(&self, environment: &Environment) -> anyhow::Result<()> {
        debezium::clean(environment).await?;
        drop_all(environment, rows::DATABASE).await
    }
}

/// A goal for the rate: at least `bound` times that of another side.
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

/// Returns Debezium's configuration for a side.
fn debezium(side: &str) -> anyhow::Result<debezium::Way> {
    match side {
        "debezium" => Ok(debezium::Way::Log),
        "debezium snapshot" => Ok(debezium::Way::Snapshot),
        "debezium bare" => Ok(debezium::Way::LogBare),
        other => bail!("unknown side {other:?}"),
    }
}

/// Measured from the start of the relay until every outbox is found empty.
async fn relayed(environment: &Environment, count: usize, events: u64) -> anyhow::Result<Reading> {
    let full = Arc::new(Full::open(environment, count)?);
    let clock = Clock::own();
    let relaying = Relaying::start(environment, Arc::clone(&full) as _)?;
    timeout(PATIENCE, full.empty()).await?;
    let reading = clock.read(events);
    relaying.end().await?;
    Ok(reading)
}
