//! The event bus measured beside its rivals.
//!
//! `bench run` takes each work, lets its sides do it in turn, round after round, and prints ratios. A side runs in a
//! process of its own on a core of its own (`bench side WORK SIDE`), the servers on another.

mod chart;
mod goals;
mod machine;
mod numbers;
mod order;
mod pinned;
mod place;
mod plan;
mod reading;
mod report;
mod results;
mod rounds;
mod table;
mod works;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use place::Place;
use plan::Plan;

#[derive(Parser)]
#[command(about = "The event bus measured beside its rivals")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures, prints the ratios, and keeps them as JSON.
    Run(Plan),
    /// Makes what a work needs once; `clean` takes it away.
    Prepare {
        /// The work.
        work: String,
    },
    /// Puts all in the state in which a side begins its turn.
    Ready {
        /// The work.
        work: String,
        /// Who is to do it.
        side: String,
    },
    /// Takes away what `prepare` made.
    Clean {
        /// The work.
        work: String,
    },
    /// One side of one work once, as `run` starts it: its reading as JSON in the last line.
    Side {
        /// The work.
        work: String,
        /// Who does it.
        side: String,
    },
    /// What can be measured, and who does it.
    List,
    /// Draws the chart and writes the tables of kept results.
    Report {
        /// The results that `run` kept.
        results: PathBuf,
        /// The Markdown file whose part between the marks is replaced.
        #[arg(long)]
        readme: Option<PathBuf>,
        /// The chart's file.
        #[arg(long)]
        chart: Option<PathBuf>,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Run(plan) => rounds::run(&plan).await,
        Command::Prepare { work } => works::named(&work)?.prepare(&Place::from_env()?).await,
        Command::Ready { work, side } => {
            works::named(&work)?.ready(&Place::from_env()?, &side).await
        }
        Command::Clean { work } => works::named(&work)?.clean(&Place::from_env()?).await,
        Command::Side { work, side } => {
            let work = works::named(&work)?;
            let reading = work.run(&Place::from_env()?, &side).await?;
            println!("{}", serde_json::to_string(&reading)?);
            Ok(())
        }
        Command::List => {
            works::list();
            Ok(())
        }
        Command::Report {
            results,
            readme,
            chart,
        } => report::write(&results, readme.as_deref(), chart.as_deref()),
    }
}
