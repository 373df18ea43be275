//! Instructions of the hot paths, counted under valgrind: unlike times, they are the same on a busy machine, so that a
//! slowdown shows on any.

#[path = "../../order.rs"]
mod order;

mod callgrind;
mod consume;
mod kept;
mod measure;
mod produce;
mod stand_in;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use event_bus::BusSettings;

#[derive(Parser)]
#[command(about = "Instructions of the hot paths")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Counts each path, and fails when one takes more than is kept of it.
    Compare {
        /// What is kept.
        kept: PathBuf,
    },
    /// Counts each path and keeps the figures.
    Keep {
        /// Where.
        kept: PathBuf,
    },
    /// One path with so many events, as the others run it under valgrind.
    Path {
        /// Which.
        path: Path,
        /// How many.
        events: u64,
        /// Where the stand-in of Kafka is.
        kafka: String,
        /// Where the registry's is.
        registry: String,
    },
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Path {
    /// From an event to librdkafka's queue and back with the acknowledgement, in the threads of the bus.
    Produce,
    /// From librdkafka's queue to the decoded payload in a handler, in the threads of the bus.
    Consume,
    /// What of producing depends on nobody: envelope, outbox's row, headers, datum in its frame.
    ProduceParts,
    /// What of consuming depends on nobody: envelope from headers, payload from its frame.
    ConsumeParts,
}

impl Path {
    fn name(self) -> &'static str {
        match self {
            Self::Produce => "produce",
            Self::Consume => "consume",
            Self::ProduceParts => "produce-parts",
            Self::ConsumeParts => "consume-parts",
        }
    }

    /// By how much its count may grow: what threads do together is never twice the same.
    fn tolerance(self) -> f64 {
        match self {
            Self::Produce => 0.02,
            Self::Consume => 0.03,
            Self::ProduceParts | Self::ConsumeParts => 0.01,
        }
    }

    async fn run(self, events: u64, bus: &BusSettings) -> anyhow::Result<()> {
        match self {
            Self::Produce => produce::whole(events, bus).await,
            Self::Consume => consume::whole(events, bus).await,
            Self::ProduceParts => produce::parts(events),
            Self::ConsumeParts => consume::parts(events, bus).await,
        }
    }
}

// In one thread, so that no work is stolen and every run takes the same way.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Compare { kept } => kept::compare(&kept, &measure::all().await?),
        Command::Keep { kept } => kept::keep(&kept, &measure::all().await?),
        Command::Path {
            path,
            events,
            kafka,
            registry,
        } => {
            let bus = stand_in::settings(&kafka, &registry, events);
            path.run(events, &bus).await
        }
    }
}
