//! Benchmarks of the event bus against reference implementations.
//!
//! A *work* is a task that several *sides* (implementations) can do. `bench run` runs the sides of each work in turn, in
//! several rounds, and prints ratios. Each side runs in a process and on a core of its own (`bench side WORK SIDE`), the
//! servers on another core.

mod chart;
mod environment;
mod goals;
mod machine;
mod numbers;
mod order;
mod pinned;
mod plan;
mod reading;
mod report;
mod results;
mod rounds;
mod table;
mod works;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use environment::Environment;
use plan::Plan;

#[derive(Parser)]
#[command(about = "Benchmarks of the event bus against reference implementations")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures, prints the ratios and stores them as JSON.
    Run(Plan),
    /// Creates what a work needs once; `clean` deletes it.
    Prepare {
        /// The work.
        work: String,
    },
    /// Restores the state in which a side starts.
    Ready {
        /// The work.
        work: String,
        /// The side that will run.
        side: String,
    },
    /// Deletes what `prepare` created.
    Clean {
        /// The work.
        work: String,
    },
    /// Runs one side of one work, as `run` does, and prints its reading as JSON in the last line.
    Side {
        /// The work.
        work: String,
        /// The side.
        side: String,
    },
    /// Lists the works and their sides.
    List,
    /// Draws the chart and writes the tables of stored results.
    Report {
        /// The results stored by `run`.
        results: PathBuf,
        /// The Markdown file in which the part between the markers is replaced.
        #[arg(long)]
        readme: Option<PathBuf>,
        /// The file of the chart.
        #[arg(long)]
        chart: Option<PathBuf>,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Run(plan) => rounds::run(&plan).await,
        Command::Prepare { work } => {
            works::named(&work)?
                .prepare(&Environment::from_env()?)
                .await
        }
        Command::Ready { work, side } => {
            works::named(&work)?
                .ready(&Environment::from_env()?, &side)
                .await
        }
        Command::Clean { work } => works::named(&work)?.clean(&Environment::from_env()?).await,
        Command::Side { work, side } => {
            let work = works::named(&work)?;
            let reading = work.run(&Environment::from_env()?, &side).await?;
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
