#![doc = include_str!("../README.md")]

mod api;
mod dead_letters;
mod live;
mod mail;
mod places;
mod report;
mod steps;
mod until;

pub use places::Places;
pub use report::{Report, Step};

/// Walks the whole journey, telling `report` of each step.
///
/// # Errors
/// The first step that did not go as it should; its name has been reported.
pub async fn walk(places: Places, report: &mut Report) -> anyhow::Result<()> {
    steps::walk(places, report).await
}
