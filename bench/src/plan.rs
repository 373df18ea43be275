//! The command-line arguments of a run.

use std::path::PathBuf;

use clap::Args;

use crate::{
    environment::SCALE,
    works::{self, Work},
};

/// Minimum number of rounds of a complete run.
const ROUNDS: u32 = 5;
/// The files of complete runs, and of all others.
const KEPT: &str = "bench/results/latest.json";
const TRIAL: &str = ".tenantry/bench/trial.json";

/// What is measured, and how often.
#[derive(Args)]
pub struct Plan {
    /// Only these works.
    #[arg(long, value_name = "WORK", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Number of rounds.
    #[arg(long, default_value_t = ROUNDS, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Fraction of the full number of events; anything but 1 is a trial.
    #[arg(long, env = SCALE, default_value_t = 1.0)]
    pub scale: f64,
    /// Replaces the works named by --only in the stored complete run
    #[arg(long, requires = "only", conflicts_with = "out")]
    pub renew: bool,
    /// File of the results as JSON [default: bench/results/latest.json, for trials .tenantry/bench/trial.json]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

impl Plan {
    /// Returns the works to measure.
    ///
    /// # Errors
    /// A work is unknown; the message lists the known ones.
    pub fn works(&self) -> anyhow::Result<Vec<&'static dyn Work>> {
        if self.only.is_empty() {
            return Ok(works::ALL.to_vec());
        }
        self.only.iter().map(|name| works::named(name)).collect()
    }

    /// Returns whether the run is complete, so that it may replace the stored one.
    pub fn whole(&self) -> bool {
        let full = (self.scale - 1.0).abs() < f64::EPSILON;
        (self.only.is_empty() || self.renew) && full && self.rounds >= ROUNDS
    }

    /// Returns the file of the results.
    pub fn out(&self) -> PathBuf {
        let usual = if self.whole() { KEPT } else { TRIAL };
        self.out.clone().unwrap_or_else(|| usual.into())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_trial_does_not_replace_the_stored_run() {
        let plan = |only: &[&str], rounds, scale| Plan {
            only: only.iter().map(|&name| name.to_owned()).collect(),
            rounds,
            scale,
            renew: false,
            out: None,
        };
        assert_eq!(plan(&[], 5, 1.0).out(), Path::new(KEPT));
        assert_eq!(plan(&[], 4, 1.0).out(), Path::new(TRIAL));
        assert_eq!(plan(&[], 5, 0.5).out(), Path::new(TRIAL));
        assert_eq!(plan(&["produce"], 5, 1.0).out(), Path::new(TRIAL));
        let renewing = |rounds| Plan {
            renew: true,
            ..plan(&["produce"], rounds, 1.0)
        };
        assert_eq!(renewing(5).out(), Path::new(KEPT));
        assert!(!renewing(4).whole());
    }
}
