//! How much may be in flight: altogether, and of one key.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use prometheus::IntGauge;

use crate::consumer::scheduling::ordering_key::OrderingKey;

/// Counts records and bytes in flight against two marks, and each key's records against its share.
pub(in crate::consumer) struct InFlightLimiter {
    load: Mutex<Load>,
    /// There is room again, of one key or altogether.
    freed: Condvar,
    max_records: usize,
    max_bytes: usize,
    share: usize,
    gauge: IntGauge,
}

#[derive(Clone, Copy, Default)]
struct Load {
    records: usize,
    bytes: usize,
    /// Records of paused keys. They take no room: what is paused for hours must not stop the others.
    aside: usize,
    waiting: Waiting,
}

/// What the reader waits for. It is woken when a sixteenth is free, not for every record.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Waiting {
    #[default]
    No,
    /// Room below the marks.
    Room,
    /// Half of it.
    Low,
    /// Room for the key at this address.
    OfKey(usize),
}

impl InFlightLimiter {
    /// `parallel` attempts run at a time. One key may have an eighth in flight, or two for each place to run in, but
    /// never all: there is room for the others.
    pub(in crate::consumer) fn new(
        max_records: usize,
        max_bytes: usize,
        parallel: usize,
        gauge: IntGauge,
    ) -> Self {
        let max_records = max_records.max(1);
        Self {
            load: Mutex::default(),
            freed: Condvar::new(),
            max_records,
            max_bytes: max_bytes.max(1),
            share: (max_records / 8)
                .max(parallel * 2)
                .min(max_records / 4 * 3)
                .max(1),
            gauge,
        }
    }

    pub(in crate::consumer) fn enter(&self, key: &OrderingKey, bytes: usize) {
        let mut load = self.lock();
        load.records += 1;
        load.bytes += bytes;
        load.aside += usize::from(key.is_paused());
        key.entered();
        self.gauge.inc();
    }

    pub(in crate::consumer) fn leave(&self, key: &OrderingKey, bytes: usize) {
        let mut load = self.lock();
        load.records -= 1;
        load.bytes -= bytes;
        load.aside -= usize::from(key.is_paused());
        key.left();
        self.gauge.dec();
        let is_room = match load.waiting {
            Waiting::No => false,
            Waiting::Room => {
                load.records - load.aside <= self.max_records - self.max_records / 16
                    && load.bytes <= self.max_bytes - self.max_bytes / 16
            }
            Waiting::Low => self.low(*load),
            Waiting::OfKey(of) => {
                of == std::ptr::from_ref(key).addr()
                    && key.in_flight() <= self.share - self.share / 16
            }
        };
        // Waking costs a call of the system, whether anybody waits or not.
        if is_room {
            load.waiting = Waiting::No;
            self.freed.notify_all();
        }
    }

    /// Pauses or resumes a key. False when it was so before.
    pub(in crate::consumer) fn set_paused(&self, key: &OrderingKey, paused: bool) -> bool {
        let mut load = self.lock();
        if key.is_paused() == paused {
            return false;
        }
        key.set_paused(paused);
        if paused {
            load.aside += key.in_flight();
        } else {
            load.aside -= key.in_flight();
        }
        self.freed.notify_all();
        true
    }

    /// Records taken and not finished.
    pub(in crate::consumer) fn in_flight(&self) -> usize {
        self.lock().records
    }

    /// Whether nothing more may be taken.
    pub(in crate::consumer) fn is_full(&self) -> bool {
        self.full(*self.lock())
    }

    /// Whether nothing more of this key may be taken.
    pub(in crate::consumer) fn is_full_of(&self, key: &OrderingKey) -> bool {
        key.in_flight() >= self.share
    }

    /// Whether so much of this key was finished that fetching more is filter it.
    pub(in crate::consumer) fn is_low_of(&self, key: &OrderingKey) -> bool {
        key.in_flight() <= self.share / 2
    }

    /// Waits until there is room below the high mark; false when `patience` ended first.
    pub(in crate::consumer) fn wait_for_room(&self, patience: Duration) -> bool {
        self.wait(patience, Waiting::Room, |load| !self.full(load))
    }

    /// Waits until there is room for the key; false when `patience` ended first.
    pub(in crate::consumer) fn wait_for_room_of(
        &self,
        key: &Arc<OrderingKey>,
        patience: Duration,
    ) -> bool {
        let of_key = Waiting::OfKey(Arc::as_ptr(key).addr());
        self.wait(patience, of_key, |_| !self.is_full_of(key))
    }

    /// Waits until the load is at the low mark (half); false when `patience` ended first.
    pub(in crate::consumer) fn wait_for_low(&self, patience: Duration) -> bool {
        self.wait(patience, Waiting::Low, |load| self.low(load))
    }

    fn low(&self, load: Load) -> bool {
        load.records - load.aside <= self.max_records / 2 && load.bytes <= self.max_bytes / 2
    }

    fn full(&self, load: Load) -> bool {
        load.records - load.aside >= self.max_records || load.bytes >= self.max_bytes
    }

    fn wait(&self, patience: Duration, what: Waiting, enough: impl Fn(Load) -> bool) -> bool {
        let deadline = Instant::now() + patience;
        let mut load = self.lock();
        while !enough(*load) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return false;
            }
            load.waiting = what;
            let waited = self.freed.wait_timeout(load, left);
            load = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        load.waiting = Waiting::No;
        true
    }

    fn lock(&self) -> MutexGuard<'_, Load> {
        self.load.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
