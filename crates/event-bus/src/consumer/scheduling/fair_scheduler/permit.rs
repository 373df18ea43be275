//! A permit to run in, and what its giving back says to those who wait.

use std::sync::Arc;

use crate::{
    Dependency,
    consumer::scheduling::fair_scheduler::{BreakerKey, FairScheduler, OrderingKey, State},
    metrics,
};

/// A permit to run one attempt in.
pub(in crate::consumer) struct Permit {
    pub(super) scheduler: Arc<FairScheduler>,
    pub(super) key: Arc<OrderingKey>,
    pub(super) probe: Option<BreakerKey>,
    /// Taken back already.
    pub(super) is_returned: bool,
}

impl Permit {
    /// The attempt came back from whatever it needs: if it was a probe, that is there again.
    pub(in crate::consumer) fn report_success(mut self) {
        if let Some(breaker_key) = self.probe.take() {
            let scheduler = Arc::clone(&self.scheduler);
            scheduler.close(&mut scheduler.lock(), breaker_key);
        }
    }

    /// The attempt found `dependency` breaker_key. If that is what it probed, the next probe comes later.
    pub(in crate::consumer) fn report_unavailable(mut self, dependency: Dependency) {
        let breaker_key = BreakerKey::of(dependency, &self.key);
        if let Some(probed) = self.probe.take() {
            if probed == breaker_key {
                self.scheduler.back_off(breaker_key);
            } else {
                // What it probed let it come as far as something else that is breaker_key.
                let scheduler = Arc::clone(&self.scheduler);
                scheduler.close(&mut scheduler.lock(), probed);
            }
        }
    }

    /// Takes the permit back from one who left before getting it. The caller holds the lock.
    pub(super) fn return_to(mut self, state: &mut State) {
        state.free += 1;
        self.key.end();
        // Its drop would take the lock again.
        self.is_returned = true;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_returned {
            return;
        }
        self.key.end();
        let probe = self.probe.take();
        if let Some(breaker_key) = probe {
            // Dropped without an answer: nothing was learned.
            self.scheduler.back_off(breaker_key);
        }
        let mut state = self.scheduler.lock();
        state.free += 1;
        self.scheduler.grant(&mut state);
        drop(state);
        self.scheduler.ended.notify_waiters();
    }
}

/// KeyRegistry of which something runs beside the permit that was taken for it.
pub(in crate::consumer) struct RunningGuard {
    pub(super) scheduler: Arc<FairScheduler>,
    pub(in crate::consumer) keys: Vec<Arc<OrderingKey>>,
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        for key in &self.keys {
            key.end();
        }
        self.scheduler.ended.notify_waiters();
    }
}

/// Counts a record that waits for something unavailable in the gauge of its group.
pub(in crate::consumer) struct GaugeGuard(prometheus::IntGauge);

impl GaugeGuard {
    pub(in crate::consumer) fn new(group: &str) -> Self {
        let gauge = metrics::WAITING.with_label_values(&[group]);
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}
