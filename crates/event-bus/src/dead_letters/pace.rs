//! So many records a second.

use std::{num::NonZeroU32, time::Duration};

use tokio::time::{Instant, sleep_until};

/// Lets records through one interval apart; groups of them, as many intervals.
pub(super) struct Pace {
    interval: Option<Duration>,
    next: Instant,
}

impl Pace {
    /// That many a second; as fast as may be without.
    pub(super) fn new(rate: Option<NonZeroU32>) -> Self {
        Self {
            interval: rate.map(|rate| Duration::from_secs(1) / rate.get()),
            next: Instant::now(),
        }
    }

    /// Waits until `records` more may go.
    pub(super) async fn wait(&mut self, records: usize) {
        sleep_until(self.due(Instant::now(), records)).await;
    }

    /// When `records` more may go. Time that was not used is not saved up.
    fn due(&mut self, now: Instant, records: usize) -> Instant {
        let due = self.next.max(now);
        let records = u32::try_from(records).unwrap_or(u32::MAX);
        let interval = self.interval.unwrap_or_default();
        self.next = due + interval.saturating_mul(records);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_a_second_take_a_second_for_eleven_and_none_is_saved_up() {
        let began = Instant::now();
        let mut pace = Pace::new(NonZeroU32::new(10));
        let mut last = began;
        for records in [1, 1, 3, 5, 1] {
            last = pace.due(last, records);
        }
        assert_eq!((last - began).as_millis(), 1000);
        let later = last + Duration::from_mins(1);
        assert_eq!(pace.due(later, 1), later);
        assert_eq!((pace.due(later, 1) - later).as_millis(), 100);
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let began = Instant::now();
        let mut pace = Pace::new(None);
        assert!((0..1000).all(|_| pace.due(began, 100) <= Instant::now()));
    }
}
