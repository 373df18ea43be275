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

    /// Waits until more may go.
    pub(super) async fn ready(&self) {
        sleep_until(self.next).await;
    }

    /// So many went at that time. Time that was not used is not saved up.
    pub(super) fn spent(&mut self, now: Instant, records: usize) {
        let records = u32::try_from(records).unwrap_or(u32::MAX);
        let interval = self.interval.unwrap_or_default();
        self.next = self.next.max(now) + interval.saturating_mul(records);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_a_second_take_a_second_for_ten_and_none_is_saved_up() {
        let mut pace = Pace::new(NonZeroU32::new(10));
        let began = pace.next;
        for records in [1, 1, 3, 5] {
            pace.spent(pace.next, records);
        }
        assert_eq!((pace.next - began).as_millis(), 1000);
        let later = pace.next + Duration::from_mins(1);
        pace.spent(later, 1);
        assert_eq!((pace.next - later).as_millis(), 100);
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let mut pace = Pace::new(None);
        let began = pace.next;
        (0..1000).for_each(|_| pace.spent(began, 100));
        assert_eq!(pace.next, began);
    }
}
