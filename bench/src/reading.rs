//! Measurements of one side in one round.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use nix::sys::{
    resource::{Usage, UsageWho, getrusage},
    time::TimeVal,
};
use serde::{Deserialize, Serialize};

/// The measurements of one side in one round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reading {
    /// Number of events.
    pub events: u64,
    /// Elapsed time.
    pub seconds: f64,
    /// Processor time of the side, including child processes and excluding servers.
    pub cpu_seconds: f64,
    /// Percentiles of the latency, for works that measure it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub latency: Option<Latency>,
    /// Additional figures by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub also: BTreeMap<String, f64>,
}

/// Latency percentiles in microseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Latency {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
}

impl Latency {
    /// Computes the percentiles of `times`.
    ///
    /// # Panics
    /// `times` is empty.
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |hundredths: usize| {
            let last = times.len() - 1;
            times[(last * hundredths).div_ceil(100)].as_secs_f64() * 1e6
        };
        Self {
            p50: at(50),
            p99: at(99),
        }
    }
}

/// Measures elapsed and processor time of this process, or of child processes that it has waited for.
pub struct Clock {
    whose: UsageWho,
    began: Instant,
    cpu: Duration,
}

impl Clock {
    /// Starts measuring this process.
    pub fn own() -> Self {
        Self::of(UsageWho::RUSAGE_SELF)
    }

    /// Starts measuring the child processes that are waited for from now on.
    pub fn children() -> Self {
        Self::of(UsageWho::RUSAGE_CHILDREN)
    }

    fn of(whose: UsageWho) -> Self {
        Self {
            whose,
            began: Instant::now(),
            cpu: cpu(whose),
        }
    }

    /// Returns the measurements for `events`.
    pub fn read(&self, events: u64) -> Reading {
        Reading {
            events,
            seconds: self.began.elapsed().as_secs_f64(),
            cpu_seconds: cpu(self.whose).saturating_sub(self.cpu).as_secs_f64(),
            latency: None,
            also: BTreeMap::new(),
        }
    }
}

fn cpu(whose: UsageWho) -> Duration {
    // Fails only for an unknown target.
    let usage: Option<Usage> = getrusage(whose).ok();
    usage.map_or(Duration::ZERO, |usage| {
        duration(usage.user_time()) + duration(usage.system_time())
    })
}

fn duration(time: TimeVal) -> Duration {
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(u64::try_from(time.tv_usec()).unwrap_or(0))
}
