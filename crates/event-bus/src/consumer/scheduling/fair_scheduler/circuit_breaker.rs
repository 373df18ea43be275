//! Circuit breakers of the dependencies that handlers need, one per dependency and, where it is a tenant's, per key.
//!
//! While a breaker is open, its keys start no attempt; one waiting record at a time probes the dependency, at growing
//! intervals.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::oneshot, time::Instant};

use crate::{
    Dependency, Reach,
    consumer::scheduling::{
        fair_scheduler::{FairScheduler, Permit, State, key_id},
        ordering_key::OrderingKey,
    },
    metrics,
};

/// The first and the longest pause between probes of what is unavailable.
const FIRST_PROBE: Duration = Duration::from_millis(250);
pub(super) const LONGEST_PROBE: Duration = Duration::from_secs(5);

/// Identifies a breaker: a dependency, of one key or of the whole consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct BreakerKey {
    pub(super) dependency: Dependency,
    pub(super) key: Option<usize>,
}

/// An open circuit breaker.
pub(super) struct CircuitBreaker {
    /// Records that wait for the dependency; the first is the next probe.
    pub(super) waiters: VecDeque<(Arc<OrderingKey>, oneshot::Sender<Permit>)>,
    pub(super) pause: Duration,
}

impl BreakerKey {
    pub(super) fn of(dependency: Dependency, key: &Arc<OrderingKey>) -> Self {
        let key = (dependency.reach() == Reach::Key).then(|| key_id(key));
        Self { dependency, key }
    }
}

impl FairScheduler {
    pub(super) fn open(
        &self,
        state: &mut State,
        breaker_key: BreakerKey,
        first: (Arc<OrderingKey>, oneshot::Sender<Permit>),
    ) {
        tracing::warn!(
            group = self.group,
            dependency = breaker_key.dependency.name(),
            key = %first.0.text(),
            "dependency unavailable; its events wait, with one probe at a time"
        );
        let breaker = CircuitBreaker {
            waiters: VecDeque::from([first]),
            pause: FIRST_PROBE,
        };
        state.breakers.insert(breaker_key, breaker);
        self.show(state, breaker_key.dependency);
        self.probe_later(breaker_key, FIRST_PROBE);
    }

    /// Schedules a probe after the pause.
    fn probe_later(&self, breaker_key: BreakerKey, pause: Duration) {
        let this = self.this.clone();
        let at = Instant::now() + pause.mul_f64(rand::random_range(0.8..1.2));
        // A runtime that ends takes everything that waits along.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep_until(at).await;
                if let Some(scheduler) = this.upgrade() {
                    scheduler.probe(breaker_key);
                }
            });
        }
    }

    fn probe(self: &Arc<Self>, breaker_key: BreakerKey) {
        let mut state = self.lock();
        let all_paused = state.paused;
        let Some(breaker) = state.breakers.get_mut(&breaker_key) else {
            return;
        };
        breaker.waiters.retain(|(_, send)| !send.is_closed());
        if breaker.waiters.is_empty() {
            // All waiters are gone with their partitions: the next attempt finds out.
            return self.close(&mut state, breaker_key);
        }
        let may_try = |(key, _): &(Arc<OrderingKey>, _)| !all_paused && !key.is_paused();
        let first = breaker.waiters.iter().position(may_try);
        let Some((key, send)) = first.and_then(|first| breaker.waiters.remove(first)) else {
            let pause = breaker.pause;
            return self.probe_later(breaker_key, pause);
        };
        state.free -= 1;
        let permit = self.permit(&key, Some(breaker_key));
        drop(state);
        // Fails only if the waiter left just now; the permit then is dropped without an outcome.
        drop(send.send(permit));
    }

    pub(super) fn close(&self, state: &mut State, breaker_key: BreakerKey) {
        let Some(breaker) = state.breakers.remove(&breaker_key) else {
            return;
        };
        tracing::info!(
            group = self.group,
            dependency = breaker_key.dependency.name(),
            "dependency available again"
        );
        self.show(state, breaker_key.dependency);
        // Waiters keep their position before others of their key.
        for (key, send) in breaker.waiters.into_iter().rev() {
            state.wait_first(&key, send);
        }
        self.grant(state);
    }

    fn show(&self, state: &State, dependency: Dependency) {
        let of = |breaker_key: &&BreakerKey| breaker_key.dependency == dependency;
        let open = state.breakers.keys().filter(of).count();
        metrics::CONSUMER_BREAKER
            .with_label_values(&[self.group.as_str(), dependency.name()])
            .set(if open > 0 { 2 } else { 0 });
    }

    pub(super) fn back_off(&self, breaker_key: BreakerKey) {
        let pause = {
            let mut state = self.lock();
            let Some(breaker) = state.breakers.get_mut(&breaker_key) else {
                return;
            };
            breaker.pause = (breaker.pause * 2).min(LONGEST_PROBE);
            breaker.pause
        };
        self.probe_later(breaker_key, pause);
    }
}
