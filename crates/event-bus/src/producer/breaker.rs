//! The circuit breaker of a producer: while the broker is away, nobody waits for it.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The shortest pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What a circuit breaker does with the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Lets it through.
    Closed,
    /// Lets one through to see whether the broker is back; refuses the others.
    HalfOpen,
    /// Refuses it.
    Open,
}

impl BreakerState {
    /// For a gauge: 0 closed, 1 half-open, 2 open.
    pub(crate) fn gauge(self) -> i64 {
        match self {
            Self::Closed => 0,
            Self::HalfOpen => 1,
            Self::Open => 2,
        }
    }
}

#[derive(Debug)]
enum Inner {
    Closed,
    Open { until: Instant, pause: Duration },
    Probing { pause: Duration, since: Instant },
}

/// Opens at a failure for half a second, and for twice as long at each further one, up to 15 s.
#[derive(Debug)]
pub(super) struct Breaker {
    inner: Mutex<Inner>,
    /// A probe that never reports is forgotten after this long.
    patience: Duration,
}

/// What the breaker says of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Go.
    Go,
    /// Go, and say how it ended: others wait for it.
    Probe,
    /// Not now.
    Refused,
}

impl Breaker {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            inner: Mutex::new(Inner::Closed),
            patience,
        }
    }

    pub(super) fn state(&self) -> BreakerState {
        match *self.lock() {
            Inner::Closed => BreakerState::Closed,
            Inner::Open { until, .. } if until > Instant::now() => BreakerState::Open,
            Inner::Open { .. } | Inner::Probing { .. } => BreakerState::HalfOpen,
        }
    }

    pub(super) fn admit(&self) -> Admission {
        let now = Instant::now();
        let mut inner = self.lock();
        match *inner {
            Inner::Closed => Admission::Go,
            Inner::Open { until, .. } if until > now => Admission::Refused,
            Inner::Probing { since, .. } if since + self.patience > now => Admission::Refused,
            Inner::Open { pause, .. } | Inner::Probing { pause, .. } => {
                *inner = Inner::Probing { pause, since: now };
                Admission::Probe
            }
        }
    }

    pub(super) fn succeeded(&self) {
        *self.lock() = Inner::Closed;
    }

    pub(super) fn failed(&self) {
        let mut inner = self.lock();
        let pause = match *inner {
            Inner::Closed => FIRST_PAUSE,
            // Calls admitted before it opened fail after it: they are no news.
            Inner::Open { until, .. } if until > Instant::now() => return,
            Inner::Open { pause, .. } | Inner::Probing { pause, .. } => {
                (pause * 2).min(LONGEST_PAUSE)
            }
        };
        *inner = Inner::Open {
            until: Instant::now() + pause,
            pause,
        };
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_at_a_failure_lets_one_probe_through_and_closes_at_its_success() {
        let breaker = Breaker::new(Duration::from_mins(1));
        assert_eq!(breaker.admit(), Admission::Go);
        breaker.failed();
        assert_eq!(breaker.state(), BreakerState::Open);
        assert_eq!(breaker.admit(), Admission::Refused);
        std::thread::sleep(FIRST_PAUSE);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert_eq!(breaker.admit(), Admission::Probe);
        assert_eq!(breaker.admit(), Admission::Refused);
        breaker.succeeded();
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn each_further_failure_doubles_the_pause_up_to_the_longest() {
        let breaker = Breaker::new(Duration::ZERO);
        let pause_after = |breaker: &Breaker| match *breaker.lock() {
            Inner::Open { pause, .. } => pause,
            _ => Duration::ZERO,
        };
        breaker.failed();
        assert_eq!(pause_after(&breaker), FIRST_PAUSE);
        for _ in 0..10 {
            let pause = pause_after(&breaker);
            *breaker.lock() = Inner::Probing {
                pause,
                since: Instant::now(),
            };
            breaker.failed();
            assert!(pause_after(&breaker) >= pause);
        }
        assert_eq!(pause_after(&breaker), LONGEST_PAUSE);
    }
}
