//! `tenantryctl dlq`

mod audit;
mod parked;
mod print;
mod replay_discard;
mod select;

use clap::{Args, Subcommand};
use event_bus::dlq::{DeadLetterAdmin, DeadLetterLocation};
use time::OffsetDateTime;

use self::select::{Filter, StateArgument, parse_time};
use crate::Bus;

/// The operation was not applied to all selected letters.
#[derive(Debug)]
pub struct Incomplete(String);

impl std::fmt::Display for Incomplete {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Incomplete {}

#[derive(Subcommand)]
pub enum Dlq {
    /// List dead letters; open ones unless --state is given
    List(List),
    /// Show a dead letter: envelope, decoded payload, failure history and operations
    Show(Show),
    /// Publish dead letters again, for the group that failed unless another one is given
    Replay(replay_discard::ReplayArguments),
    /// Discard dead letters
    Discard(replay_discard::DiscardArguments),
    /// List operations on dead letters with operator and reason
    Acts(Acts),
    /// List, show, release and discard parked sequences
    #[command(subcommand)]
    Parked(parked::Parked),
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    filter: Filter,
    /// open, replayed, discarded or all
    #[arg(long, default_value = "open")]
    state: StateArgument,
    /// Maximum number of results
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Continue after this position
    #[arg(long, value_name = "PLACE")]
    after: Option<DeadLetterLocation>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Show {
    /// Position of the letter, for instance order.events.dlq/3/17
    place: DeadLetterLocation,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Acts {
    /// Operations on letters of this topic; may be repeated
    #[arg(long)]
    topic: Vec<String>,
    /// Operations since this time (RFC 3339) or age, for instance 30m, 2h, 7d
    #[arg(long, value_parser = parse_time)]
    since: Option<OffsetDateTime>,
    /// Maximum number of results
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Continue after this position
    #[arg(long, value_name = "PLACE")]
    after: Option<DeadLetterLocation>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Dlq {
    pub async fn run(self, bus: &Bus) -> anyhow::Result<()> {
        let letters = DeadLetterAdmin::new(&bus.settings, bus.timeout)?;
        match self {
            Self::List(list) => list.run(&letters).await,
            Self::Show(show) => {
                let shown = letters.show(&show.place).await?;
                if show.json {
                    print::json(&shown)
                } else {
                    print::letter(&shown)
                }
            }
            Self::Replay(replay) => replay.run(bus, &letters).await,
            Self::Discard(discard) => discard.run(bus, &letters).await,
            Self::Acts(acts) => acts.run(&letters).await,
            Self::Parked(parked) => parked.run(bus).await,
        }
    }
}

impl List {
    async fn run(self, letters: &DeadLetterAdmin) -> anyhow::Result<()> {
        let filter = self.filter.letters(self.state.0);
        let limit = usize::from(self.limit);
        let page = letters.list(&filter, self.after.as_ref(), limit).await?;
        if self.json {
            print::json(&page)
        } else {
            print::letters(&page)
        }
    }
}

impl Acts {
    async fn run(self, letters: &DeadLetterAdmin) -> anyhow::Result<()> {
        let limit = usize::from(self.limit);
        let after = self.after.as_ref();
        let page = letters.acts(&self.topic, self.since, after, limit).await?;
        if self.json {
            print::json(&page)
        } else {
            print::acts(&page)
        }
    }
}
