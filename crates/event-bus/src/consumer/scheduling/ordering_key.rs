//! The keys of records in flight. A key is a tenant's id, or the subject of a platform's event: what must be fair, can
//! be paused, and may be behind by itself.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use foldhash::fast::RandomState;

/// KeyRegistry nobody holds are forgotten when this many are remembered.
const REMEMBERED: usize = 10_000;

/// One key, the same object for all of its records in flight.
pub(in crate::consumer) struct OrderingKey {
    pub(in crate::consumer) name: Box<[u8]>,
    /// Records taken and not finished.
    in_flight: AtomicUsize,
    /// Attempts running now.
    running: AtomicUsize,
    paused: AtomicBool,
}

impl OrderingKey {
    pub(in crate::consumer) fn new(name: &[u8]) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            in_flight: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            paused: AtomicBool::new(false),
        })
    }

    pub(in crate::consumer) fn entered(&self) {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
    }

    pub(in crate::consumer) fn left(&self) {
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
    }

    pub(in crate::consumer) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Acquire)
    }

    pub(in crate::consumer) fn begin(&self) {
        self.running.fetch_add(1, Ordering::AcqRel);
    }

    pub(in crate::consumer) fn end(&self) {
        self.running.fetch_sub(1, Ordering::AcqRel);
    }

    pub(in crate::consumer) fn running(&self) -> usize {
        self.running.load(Ordering::Acquire)
    }

    pub(in crate::consumer) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }

    pub(in crate::consumer) fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Release);
    }

    /// As text, for people.
    pub(in crate::consumer) fn text(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }
}

/// Finds the one object of each key.
#[derive(Default)]
pub(in crate::consumer) struct KeyRegistry {
    known: HashMap<Box<[u8]>, Arc<OrderingKey>, RandomState>,
}

impl KeyRegistry {
    pub(in crate::consumer) fn get(&mut self, name: &[u8]) -> Arc<OrderingKey> {
        if let Some(key) = self.known.get(name) {
            return Arc::clone(key);
        }
        if self.known.len() >= REMEMBERED {
            self.known
                .retain(|_, key| Arc::strong_count(key) > 1 || key.is_paused());
        }
        let key = OrderingKey::new(name);
        self.known.insert(name.into(), Arc::clone(&key));
        key
    }

    /// Whether records of more than one key were seen.
    pub(in crate::consumer) fn are_several(&self) -> bool {
        self.known.len() > 1
    }

    /// The keys with records in flight, most first.
    pub(in crate::consumer) fn busiest(&self, count: usize) -> Vec<Arc<OrderingKey>> {
        let busy = self.known.values().filter(|key| key.in_flight() > 0);
        let mut busy: Vec<Arc<OrderingKey>> = busy.cloned().collect();
        busy.sort_unstable_by_key(|key| std::cmp::Reverse(key.in_flight()));
        busy.truncate(count);
        busy
    }
}
