//! Instruction counts of the hot paths, measured with valgrind. Unlike times, they do not depend on the load of the machine.

#[path = "../../order.rs"]
mod order;

mod baseline;
mod callgrind;
mod consume;
mod measure;
mod mock_servers;
mod produce;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use event_bus::BusSettings;

#[derive(Parser)]
#[command(about = "Instruction counts of the hot paths")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Counts each path, and fails if one exceeds its stored count.
    Compare {
        /// The file of stored counts.
        baseline: PathBuf,
    },
    /// Counts each path and stores the counts.
    Keep {
        /// The file of stored counts.
        baseline: PathBuf,
    },
    /// Runs one path, as the other commands do under valgrind.
    Path {
        /// The path.
        path: Path,
        /// Number of events.
        events: u64,
        /// Address of the mock broker.
        kafka: String,
        /// URL of the mock registry.
        registry: String,
    },
}

/// A code path whose instructions are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Path {
    /// From an event to librdkafka's queue and back with the acknowledgement, in the threads of the bus.
    Produce,
    /// From librdkafka's queue to the decoded payload in a handler, in the threads of the bus.
    Consume,
    /// The single-threaded parts of producing: envelope, outbox row, headers, framed datum.
    ProduceParts,
    /// The single-threaded parts of consuming: envelope from headers, payload from its frame.
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

    /// Tolerated relative increase; interaction of threads varies between runs.
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

// A single-threaded runtime, so that every run is scheduled alike.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Compare { baseline } => baseline::compare(&baseline, &measure::all().await?),
        Command::Keep { baseline } => baseline::keep(&baseline, &measure::all().await?),
        Command::Path {
            path,
            events,
            kafka,
            registry,
        } => {
            let bus = mock_servers::settings(&kafka, &registry, events);
            path.run(events, &bus).await
        }
    }
}
