//! A place to run in, and what its giving back says to those who wait.

use std::sync::Arc;

use crate::{
    Dependency,
    consumer::scheduling::turns::{Away, Key, State, Turns},
    metrics,
};

/// A place to run one attempt in.
pub(in crate::consumer) struct Place {
    pub(super) turns: Arc<Turns>,
    pub(super) key: Arc<Key>,
    pub(super) probe: Option<Away>,
    /// Taken back already.
    pub(super) undone: bool,
}

impl Place {
    /// The attempt came back from whatever it needs: if it was a probe, that is there again.
    pub(in crate::consumer) fn answered(mut self) {
        if let Some(away) = self.probe.take() {
            let turns = Arc::clone(&self.turns);
            turns.close(&mut turns.lock(), away);
        }
    }

    /// The attempt found `dependency` away. If that is what it probed, the next probe comes later.
    pub(in crate::consumer) fn met(mut self, dependency: Dependency) {
        let away = Away::of(dependency, &self.key);
        if let Some(probed) = self.probe.take() {
            if probed == away {
                self.turns.lengthen(away);
            } else {
                // What it probed let it come as far as something else that is away.
                let turns = Arc::clone(&self.turns);
                turns.close(&mut turns.lock(), probed);
            }
        }
    }

    /// Takes the place back from one who left before getting it. The caller holds the lock.
    pub(super) fn undo(mut self, state: &mut State) {
        state.free += 1;
        self.key.end();
        // Its drop would take the lock again.
        self.undone = true;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.undone {
            return;
        }
        self.key.end();
        let probe = self.probe.take();
        if let Some(away) = probe {
            // Dropped without an answer: nothing was learned.
            self.turns.lengthen(away);
        }
        let mut state = self.turns.lock();
        state.free += 1;
        self.turns.grant(&mut state);
        drop(state);
        self.turns.ended.notify_waiters();
    }
}

/// Keys of which something runs beside the place that was taken for it.
pub(in crate::consumer) struct Running {
    pub(super) turns: Arc<Turns>,
    pub(in crate::consumer) keys: Vec<Arc<Key>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        for key in &self.keys {
            key.end();
        }
        self.turns.ended.notify_waiters();
    }
}

/// Counts a record that waits for something unavailable in the gauge of its group.
pub(in crate::consumer) struct Shown(prometheus::IntGauge);

impl Shown {
    pub(in crate::consumer) fn new(group: &str) -> Self {
        let gauge = metrics::WAITING.with_label_values(&[group]);
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.dec();
    }
}
