//! `tenantryctl dlq`

mod audit;
mod parked;
mod print;
mod select;
mod treat;

use clap::{Args, Subcommand};
use event_bus::dlq::{DeadLetters, LetterPlace};
use time::OffsetDateTime;

use self::select::{Filter, StateArgument, moment};
use crate::Bus;

/// Some letters were not treated as asked.
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
    /// List dead letters, the open ones unless --state says otherwise
    List(List),
    /// Show one letter: envelope, decoded payload, story, and what was done with it
    Show(Show),
    /// Publish letters again, to the group that failed unless another is named
    Replay(treat::ReplayArguments),
    /// Give letters up
    Discard(treat::DiscardArguments),
    /// List what was done with letters, by whom and why
    Acts(Acts),
    /// Events parked behind one that could not be handled
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
    /// At most so many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Go on behind this place
    #[arg(long, value_name = "PLACE")]
    after: Option<LetterPlace>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Show {
    /// Where it lies, as order.events.dlq/3/17
    place: LetterPlace,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Acts {
    /// On letters of this topic; may be given more than once
    #[arg(long)]
    topic: Vec<String>,
    /// Since this time: RFC 3339, or as 30m, 2h, 7d ago
    #[arg(long, value_parser = moment)]
    since: Option<OffsetDateTime>,
    /// At most so many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    /// Go on behind this place
    #[arg(long, value_name = "PLACE")]
    after: Option<LetterPlace>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Dlq {
    pub async fn run(self, bus: &Bus) -> anyhow::Result<()> {
        let letters = DeadLetters::new(&bus.settings, bus.timeout)?;
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
    async fn run(self, letters: &DeadLetters) -> anyhow::Result<()> {
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
    async fn run(self, letters: &DeadLetters) -> anyhow::Result<()> {
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
