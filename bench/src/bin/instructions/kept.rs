//! The counts that are kept, and what is said of those that differ.

use std::{collections::BTreeMap, fs, path::Path as File, process::Command};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use crate::Path;

/// `bench/instructions.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// The compiler that made what was counted.
    rustc: String,
    paths: BTreeMap<String, Count>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Count {
    /// An event takes so many.
    instructions: u64,
    /// It may take more by this part.
    tolerance: f64,
}

/// Writes what was counted.
pub fn keep(file: &File, counts: &[(Path, u64)]) -> anyhow::Result<()> {
    let paths = counts.iter().map(|(path, instructions)| {
        let count = Count {
            instructions: *instructions,
            tolerance: path.tolerance(),
        };
        (path.name().to_owned(), count)
    });
    let kept = Kept {
        rustc: rustc()?,
        paths: paths.collect(),
    };
    fs::write(file, serde_json::to_string_pretty(&kept)? + "\n")?;
    println!("kept in {}", file.display());
    Ok(())
}

/// Fails when a path takes more than is kept and tolerated.
pub fn compare(file: &File, counts: &[(Path, u64)]) -> anyhow::Result<()> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("{} is not there: keep the counts first", file.display()))?;
    let kept: Kept = serde_json::from_str(&text)?;
    let worse: Vec<String> = counts
        .iter()
        .filter_map(|(path, count)| kept.complaint(path.name(), *count))
        .collect();
    let rustc = rustc()?;
    let is_same_compiler = rustc == kept.rustc;
    if worse.is_empty() {
        println!("no path takes more than is kept");
    } else if is_same_compiler {
        bail!("{}", worse.join("; "));
    } else {
        println!("warning: {}", worse.join("; "));
        println!(
            "the compiler is {rustc}, kept were counts of {}",
            kept.rustc
        );
    }
    Ok(())
}

impl Kept {
    #[allow(clippy::cast_precision_loss)]
    fn complaint(&self, path: &str, count: u64) -> Option<String> {
        let Some(kept) = self.paths.get(path) else {
            return Some(format!("nothing is kept of {path}"));
        };
        let ratio = count as f64 / kept.instructions as f64;
        let is_worse = ratio > 1.0 + kept.tolerance;
        is_worse.then(|| {
            let (was, percent) = (kept.instructions, (ratio - 1.0) * 100.0);
            format!(
                "{path} takes {count} instructions an event, kept are {was}: {percent:.1} % more"
            )
        })
    }
}

fn rustc() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("--version").output();
    let output = output.context("rustc does not say its version")?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_tolerated_is_complained_of_and_less_is_not() {
        let count = Count {
            instructions: 10_000,
            tolerance: 0.02,
        };
        let kept = Kept {
            rustc: String::new(),
            paths: [("consume".to_owned(), count)].into(),
        };
        assert_eq!(kept.complaint("consume", 10_199), None);
        assert_eq!(kept.complaint("consume", 5_000), None);
        let complaint = kept.complaint("consume", 11_000).unwrap();
        assert!(complaint.contains("10.0 % more"), "{complaint}");
        assert!(kept.complaint("other", 1).is_some());
    }
}
