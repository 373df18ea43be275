//! pending
use crate::results::Results;
use std::path::Path;
pub fn goals(results: &Results) -> String {
    let _ = results;
    String::new()
}
pub fn write(_results: &Path, _readme: Option<&Path>, _chart: Option<&Path>) -> anyhow::Result<()> {
    Ok(())
}
