//! Timers with microsecond resolution; Tokio's have milliseconds.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, RawFd},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use nix::sys::{
    time::TimeSpec,
    timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
};
use tokio::io::{Interest, unix::AsyncFd};

/// A pool of kernel timers (`timerfd`), which wake Tokio like sockets.
#[derive(Default)]
pub struct Timers(Mutex<Vec<AsyncFd<Timer>>>);

struct Timer(TimerFd);

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Timers {
    /// Waits for `length`; returns immediately for zero.
    ///
    /// # Errors
    /// The kernel provides no timer.
    pub async fn sleep(&self, length: Duration) -> io::Result<()> {
        if length.is_zero() {
            return Ok(());
        }
        let idle = self.idle().pop();
        let timer = idle.map_or_else(open, Ok)?;
        let once = Expiration::OneShot(TimeSpec::from_duration(length));
        timer.get_ref().0.set(once, TimerSetTimeFlags::empty())?;
        timer
            .async_io(Interest::READABLE, |timer| Ok(timer.0.wait()?))
            .await?;
        self.idle().push(timer);
        Ok(())
    }

    /// Waits until `due`; returns immediately if that has passed.
    ///
    /// # Errors
    /// As [`Timers::sleep`].
    pub async fn sleep_until(&self, due: Instant) -> io::Result<()> {
        self.sleep(due.saturating_duration_since(Instant::now()))
            .await
    }

    fn idle(&self) -> MutexGuard<'_, Vec<AsyncFd<Timer>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// The replacement is `unsafe` for borrowed descriptors; this one is owned.
#[allow(deprecated)]
fn open() -> io::Result<AsyncFd<Timer>> {
    let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
    AsyncFd::with_interest(Timer(timer), Interest::READABLE)
}

/// Returns a pseudo-random number below `bound` for a seed (`SplitMix64`).
pub fn drawn(seed: u64, bound: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % bound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_timer_waits_no_less_than_asked_and_is_used_again() {
        let timers = Timers::default();
        for _ in 0..3 {
            let length = Duration::from_micros(700);
            let began = Instant::now();
            timers.sleep(length).await.unwrap();
            assert!(began.elapsed() >= length);
        }
        assert_eq!(timers.idle().len(), 1);
        timers.sleep_until(Instant::now()).await.unwrap();
    }

    #[test]
    fn what_is_drawn_is_spread_and_stays_the_same() {
        assert_eq!(drawn(0, u64::MAX), 0xe220_a839_7b1d_cdaf);
        let sum: u64 = (0..10_000).map(|seed| drawn(seed, 5_001)).sum();
        assert!((2_400..2_600).contains(&(sum / 10_000)));
    }
}
