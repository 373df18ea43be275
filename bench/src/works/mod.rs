//! What is measured: each work with those who do it, and the goals set for it.

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

use crate::{place::Place, reading::Reading};

/// Something several sides can do, so that they can be compared.
#[async_trait]
pub trait Work: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;
    /// What is done, in a line.
    fn title(&self) -> &'static str;
    /// Who does it.
    fn sides(&self) -> &'static [Side];
    /// What is asked of the sides.
    fn goals(&self) -> &'static [Goal];
    /// Once before the first round; nothing of it is measured.
    async fn prepare(&self, _place: &Place) -> anyhow::Result<()> {
        Ok(())
    }
    /// Before each turn of each side; nothing of it is measured.
    async fn ready(&self, _place: &Place, _side: &str) -> anyhow::Result<()> {
        Ok(())
    }
    /// One side's turn, in a process of its own.
    async fn run(&self, place: &Place, side: &str) -> anyhow::Result<Reading>;
    /// After the last round.
    async fn clean(&self, _place: &Place) -> anyhow::Result<()> {
        Ok(())
    }
}

/// One who does a work.
pub struct Side {
    /// Its name, as in results.
    pub name: &'static str,
    /// What it is and how it does it, in a line.
    pub what: &'static str,
    /// Whether it takes part in every round; a slow rival takes part in the first only.
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

/// A bound on the ratio of one side's figure to another's, in the same round.
pub struct Goal {
    /// Whose figure.
    pub side: &'static str,
    /// Which.
    pub figure: Figure,
    /// The figure it is divided by.
    pub against: Against,
    /// Where the median of the ratios should be; `None`: it is told for its own sake.
    pub bound: Option<Bound>,
}

/// A figure of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Events in a second.
    Rate,
    /// Of the times of single events, the one that half do not pass.
    P50,
    /// Of the times of single events, the one that 99 of 100 do not pass.
    P99,
    /// One of [`Reading::also`].
    Also(&'static str),
}

/// What a figure is held against.
#[derive(Clone, Copy, Debug)]
pub enum Against {
    /// The same figure of one side.
    Side(&'static str),
    /// The lowest of the same figure of these.
    Lowest(&'static [&'static str]),
    /// Nothing: the figure itself is the ratio.
    Itself,
}

/// Where a ratio should be.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// All works, in the order in which they are done.
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

/// The work of this name.
///
/// # Errors
/// Names those there are.
pub fn named(name: &str) -> anyhow::Result<&'static dyn Work> {
    let Some(work) = ALL.iter().find(|work| work.name() == name) else {
        let known: Vec<&str> = ALL.iter().map(|work| work.name()).collect();
        bail!("no work {name:?}; there are: {}", known.join(", "));
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
