//! How much may be in flight.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use prometheus::IntGauge;

/// Counts records and bytes in flight against two marks.
pub(super) struct Flow {
    load: Mutex<Load>,
    freed: Condvar,
    max_records: usize,
    max_bytes: usize,
    gauge: IntGauge,
}

#[derive(Clone, Copy, Default)]
struct Load {
    records: usize,
    bytes: usize,
}

impl Flow {
    pub(super) fn new(max_records: usize, max_bytes: usize, gauge: IntGauge) -> Self {
        Self {
            load: Mutex::default(),
            freed: Condvar::new(),
            max_records: max_records.max(1),
            max_bytes: max_bytes.max(1),
            gauge,
        }
    }

    pub(super) fn enter(&self, bytes: usize) {
        let mut load = self.lock();
        load.records += 1;
        load.bytes += bytes;
        self.gauge.inc();
    }

    pub(super) fn leave(&self, bytes: usize) {
        let mut load = self.lock();
        load.records -= 1;
        load.bytes -= bytes;
        self.gauge.dec();
        self.freed.notify_all();
    }

    /// Whether nothing more may be taken.
    pub(super) fn is_full(&self) -> bool {
        self.full(*self.lock())
    }

    /// Waits until there is room below the high mark; false when `patience` ended first.
    pub(super) fn wait_for_room(&self, patience: Duration) -> bool {
        self.wait(patience, |load| !self.full(load))
    }

    /// Waits until the load is at the low mark (half); false when `patience` ended first.
    pub(super) fn wait_for_low(&self, patience: Duration) -> bool {
        self.wait(patience, |load| {
            load.records <= self.max_records / 2 && load.bytes <= self.max_bytes / 2
        })
    }

    fn full(&self, load: Load) -> bool {
        load.records >= self.max_records || load.bytes >= self.max_bytes
    }

    fn wait(&self, patience: Duration, enough: impl Fn(Load) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        let mut load = self.lock();
        while !enough(*load) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return false;
            }
            let waited = self.freed.wait_timeout(load, left);
            load = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Load> {
        self.load.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
