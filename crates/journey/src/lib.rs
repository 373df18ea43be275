#![doc = include_str!("../README.md")]

mod client;
mod dead_letters;
mod endpoints;
mod mail;
mod poll;
mod report;
mod steps;
mod web_socket;

pub use endpoints::Endpoints;
pub use report::{Report, Step};

/// Runs all steps of the journey and records them in `report`.
///
/// # Errors
/// The first check that failed; its step is [`Report::current`].
pub async fn run(endpoints: Endpoints, report: &mut Report) -> anyhow::Result<()> {
    steps::run(endpoints, report).await
}
