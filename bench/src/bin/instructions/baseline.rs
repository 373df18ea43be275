//! The stored counts, and the comparison with them.

use std::{collections::BTreeMap, fs, path::Path as File, process::Command};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use crate::Path;

/// The contents of `bench/instructions.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Baseline {
    /// The compiler of the counted program.
    rustc: String,
    paths: BTreeMap<String, Count>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Count {
    /// Instructions per event.
    instructions: u64,
    /// Tolerated relative increase.
    tolerance: f64,
}

/// Stores the counts.
pub fn keep(file: &File, counts: &[(Path, u64)]) -> anyhow::Result<()> {
    let paths = counts.iter().map(|(path, instructions)| {
        let count = Count {
            instructions: *instructions,
            tolerance: path.tolerance(),
        };
        (path.name().to_owned(), count)
    });
    let baseline = Baseline {
        rustc: rustc()?,
        paths: paths.collect(),
    };
    fs::write(file, serde_json::to_string_pretty(&baseline)? + "\n")?;
    println!("stored in {}", file.display());
    Ok(())
}

/// Fails if a path exceeds its stored count by more than the tolerance.
pub fn compare(file: &File, counts: &[(Path, u64)]) -> anyhow::Result<()> {
    let text = fs::read_to_string(file).with_context(|| {
        format!(
            "cannot read {}: run `scripts/instructions keep` first",
            file.display()
        )
    })?;
    let baseline: Baseline = serde_json::from_str(&text)?;
    let worse: Vec<String> = counts
        .iter()
        .filter_map(|(path, count)| baseline.regression(path.name(), *count))
        .collect();
    let rustc = rustc()?;
    let is_same_compiler = rustc == baseline.rustc;
    if worse.is_empty() {
        println!("no path exceeds its stored count");
    } else if is_same_compiler {
        bail!("{}", worse.join("; "));
    } else {
        println!("warning: {}", worse.join("; "));
        println!(
            "the compiler is {rustc}, the stored counts are of {}",
            baseline.rustc
        );
    }
    Ok(())
}

impl Baseline {
    #[allow(clippy::cast_precision_loss)]
    fn regression(&self, path: &str, count: u64) -> Option<String> {
        let Some(baseline) = self.paths.get(path) else {
            return Some(format!("there is no stored count of {path}"));
        };
        let ratio = count as f64 / baseline.instructions as f64;
        let is_worse = ratio > 1.0 + baseline.tolerance;
        is_worse.then(|| {
            let (was, percent) = (baseline.instructions, (ratio - 1.0) * 100.0);
            format!(
                "{path} takes {count} instructions per event, {percent:.1} % more than the stored {was}"
            )
        })
    }
}

fn rustc() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("--version").output();
    let output = output.context("cannot run rustc --version")?;
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
        let baseline = Baseline {
            rustc: String::new(),
            paths: [("consume".to_owned(), count)].into(),
        };
        assert_eq!(baseline.regression("consume", 10_199), None);
        assert_eq!(baseline.regression("consume", 5_000), None);
        let regression = baseline.regression("consume", 11_000).unwrap();
        assert!(regression.contains("10.0 % more"), "{regression}");
        assert!(baseline.regression("other", 1).is_some());
    }
}
