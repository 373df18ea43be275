//! The works: what is measured, by which sides, and with which goals.

mod avro;
mod consume;
mod debezium;
mod event;
mod idle;
mod inbox;
mod kafka_tools;
mod keyed;
mod noisy;
mod outboxes;
mod produce;
mod rdkafka_performance;
mod relay;
mod schedule;
mod timer;
mod topics;

use anyhow::bail;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{environment::Environment, reading::Reading};

/// A task that several sides can do, so that they can be compared.
#[async_trait]
pub trait Work: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;
    /// A one-line description.
    fn title(&self) -> &'static str;
    /// The implementations.
    fn sides(&self) -> &'static [Side];
    /// The goals.
    fn goals(&self) -> &'static [Goal];
    /// Runs once before the first round; not measured.
    async fn prepare(&self, _environment: &Environment) -> anyhow::Result<()> {
        Ok(())
    }
    /// Runs before each turn; not measured.
    async fn ready(&self, _environment: &Environment, _side: &str) -> anyhow::Result<()> {
        Ok(())
    }
    /// Runs one turn of a side, in a process of its own.
    async fn run(&self, environment: &Environment, side: &str) -> anyhow::Result<Reading>;
    /// Runs after the last round.
    async fn clean(&self, _environment: &Environment) -> anyhow::Result<()> {
        Ok(())
    }
}

/// An implementation of a work.
pub struct Side {
    /// Its name in the results.
    pub name: &'static str,
    /// A one-line description.
    pub what: &'static str,
    /// Whether it takes part in every round; slow sides take part in the first only.
    pub every_round: bool,
}

impl Side {
    const fn every(name: &'static str, what: &'static str) -> Self {
        Self {
            name,
            what,
            every_round: true,
        }
    }

    const fn once(name: &'static str, what: &'static str) -> Self {
        Self {
            name,
            what,
            every_round: false,
        }
    }
}

/// A ratio of two sides' figures in the same round, with an optional bound.
pub struct Goal {
    /// The side whose figure is evaluated.
    pub side: &'static str,
    /// The figure.
    pub figure: Figure,
    /// The figure it is divided by.
    pub against: Against,
    /// The bound of the median ratio; `None` for informative ratios.
    pub bound: Option<Bound>,
}

/// A figure of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Events per second.
    Rate,
    /// Median latency.
    P50,
    /// 99th percentile of the latency.
    P99,
    /// One of [`Reading::also`].
    Also(&'static str),
}

/// The divisor of a ratio.
#[derive(Clone, Copy, Debug)]
pub enum Against {
    /// The same figure of one side.
    Side(&'static str),
    /// The lowest figure of these sides.
    Lowest(&'static [&'static str]),
    /// None: the figure itself is the ratio.
    Itself,
}

/// The bound of a ratio.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// All works in the order of execution.
pub const ALL: &[&dyn Work] = &[
    &produce::Produce,
    &consume::Consume,
    &keyed::Keyed,
    &relay::Relay,
    &idle::Idle,
    &noisy::Noisy,
    &avro::Avro,
    &inbox::Inbox,
];

/// Returns the work with this name.
///
/// # Errors
/// The name is unknown; the message lists the known ones.
pub fn named(name: &str) -> anyhow::Result<&'static dyn Work> {
    let Some(work) = ALL.iter().find(|work| work.name() == name) else {
        let known: Vec<&str> = ALL.iter().map(|work| work.name()).collect();
        bail!("unknown work {name:?}; known works: {}", known.join(", "));
    };
    Ok(*work)
}

/// Prints all works and their sides.
pub fn list() {
    for work in ALL {
        println!("{}: {}", work.name(), work.title());
        for side in work.sides() {
            println!("  {:24} {}", side.name, side.what);
        }
    }
}
