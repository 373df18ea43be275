//! What one side of one round read off its clocks.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use nix::sys::{
    resource::{Usage, UsageWho, getrusage},
    time::TimeVal,
};
use serde::{Deserialize, Serialize};

/// One side of one round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reading {
    /// Events done.
    pub events: u64,
    /// Time it took.
    pub seconds: f64,
    /// Processor time the side took for it, its threads and child processes together; not the servers'.
    pub cpu_seconds: f64,
    /// Percentiles of the time of each event, where that was the question.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub latency: Option<Latency>,
    /// Whatever else is told, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub also: BTreeMap<String, f64>,
}

/// Times of single events, in microseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Latency {
    /// Half were no slower.
    pub p50: f64,
    /// 99 of 100 were no slower.
    pub p99: f64,
}

impl Latency {
    /// Percentiles of `times`.
    ///
    /// # Panics
    /// Without any times.
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

/// A clock that also reads the processor time of this process, or of the children it has waited for.
pub struct Clock {
    whose: UsageWho,
    began: Instant,
    cpu: Duration,
}

impl Clock {
    /// Times this process from now on.
    pub fn own() -> Self {
        Self::of(UsageWho::RUSAGE_SELF)
    }

    /// Times the children that are waited for from now on.
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

    /// What `events` took.
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
    // Fails only for a target that the kernel does not know.
    let usage: Option<Usage> = getrusage(whose).ok();
    usage.map_or(Duration::ZERO, |usage| {
        duration(usage.user_time()) + duration(usage.system_time())
    })
}

fn duration(time: TimeVal) -> Duration {
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(u64::try_from(time.tv_usec()).unwrap_or(0))
}
