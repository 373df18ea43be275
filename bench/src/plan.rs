//! What a run does, as the command line says.

use std::path::PathBuf;

use clap::Args;

use crate::{
    place::SCALE,
    works::{self, Work},
};

/// Fewer rounds than these are not quoted.
const ROUNDS: u32 = 5;
/// Where a whole run is kept, and where any other.
const KEPT: &str = "bench/results/latest.json";
const TRIAL: &str = ".tenantry/bench/trial.json";
/// What is measured, and how often.
#[derive(Args)]
pub struct Plan {
    /// Only these works.
    #[arg(long, value_name = "WORK", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Turns of each side.
    #[arg(long, default_value_t = ROUNDS, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Of the full number of events, so much is done; anything but 1 is a trial.
    #[arg(long, env = SCALE, default_value_t = 1.0)]
    pub scale: f64,
    /// Puts the works named by --only, and no others, in the place of the same in the whole run that is kept
    #[arg(long, requires = "only", conflicts_with = "out")]
    pub renew: bool,
    /// Where the results are kept as JSON [default: bench/results/latest.json, of trials .tenantry/bench/trial.json]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

impl Plan {
    /// What is measured.
    ///
    /// # Errors
    /// Names the works there are, when one is asked for that is not.
    pub fn works(&self) -> anyhow::Result<Vec<&'static dyn Work>> {
        if self.only.is_empty() {
            return Ok(works::ALL.to_vec());
        }
        self.only.iter().map(|name| works::named(name)).collect()
    }

    /// Whether the figures may be quoted: anything less must not take the place of what is kept.
    pub fn whole(&self) -> bool {
        let full = (self.scale - 1.0).abs() < f64::EPSILON;
        (self.only.is_empty() || self.renew) && full && self.rounds >= ROUNDS
    }

    /// Where the results are kept.
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
    fn a_trial_does_not_take_the_place_of_what_is_kept() {
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
