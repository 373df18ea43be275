//! Fair scheduling of attempts: keys are served round-robin, so that a busy key does not delay the others. Keys that are
//! paused, or blocked by an open circuit breaker, are passed over.

mod circuit_breaker;
mod permit;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::sync::{Notify, oneshot};

use crate::{Dependency, consumer::scheduling::ordering_key::OrderingKey};

pub(in crate::consumer) use crate::consumer::scheduling::fair_scheduler::permit::{
    Permit, RunningGuard,
};
use crate::consumer::scheduling::fair_scheduler::{
    circuit_breaker::{BreakerKey, CircuitBreaker},
    permit::GaugeGuard,
};

/// Grants permits to run attempts, round-robin over keys.
pub(in crate::consumer) struct FairScheduler {
    group: String,
    state: Mutex<State>,
    /// Notified when an attempt ends, for callers that wait until a paused key is idle.
    ended: Notify,
    this: Weak<Self>,
}

struct State {
    /// Free permits; negative while probes run in addition.
    free: isize,
    paused: bool,
    /// Keys with waiters, in round-robin order.
    ready_keys: VecDeque<usize>,
    waiting: HashMap<usize, Waiting>,
    breakers: HashMap<BreakerKey, CircuitBreaker>,
}

struct Waiting {
    key: Arc<OrderingKey>,
    queue: VecDeque<oneshot::Sender<Permit>>,
}

fn key_id(key: &Arc<OrderingKey>) -> usize {
    Arc::as_ptr(key).addr()
}

impl FairScheduler {
    pub(in crate::consumer) fn new(group: String, permits: usize) -> Arc<Self> {
        let state = State {
            free: isize::try_from(permits).unwrap_or(isize::MAX),
            paused: false,
            ready_keys: VecDeque::new(),
            waiting: HashMap::new(),
            breakers: HashMap::new(),
        };
        Arc::new_cyclic(|this| Self {
            group,
            state: Mutex::new(state),
            ended: Notify::new(),
            this: this.clone(),
        })
    }

    /// Waits for a permit for this key.
    pub(in crate::consumer) async fn acquire(self: &Arc<Self>, key: &Arc<OrderingKey>) -> Permit {
        let receive = {
            let mut state = self.lock();
            if state.free > 0 && state.ready_keys.is_empty() && !state.is_blocked(key) {
                state.free -= 1;
                return self.permit(key, None);
            }
            let receive = state.wait(key);
            // All waiting keys may be blocked.
            self.grant(&mut state);
            receive
        };
        self.received(receive, key).await
    }

    /// Waits for a permit to probe `dependency`, which this key has just found unavailable.
    pub(in crate::consumer) async fn acquire_probe(
        self: &Arc<Self>,
        key: &Arc<OrderingKey>,
        dependency: Dependency,
    ) -> Permit {
        let receive = {
            let (send, receive) = oneshot::channel();
            let breaker_key = BreakerKey::of(dependency, key);
            let mut state = self.lock();
            match state.breakers.get_mut(&breaker_key) {
                Some(breaker) => breaker.waiters.push_back((Arc::clone(key), send)),
                None => self.open(&mut state, breaker_key, (Arc::clone(key), send)),
            }
            receive
        };
        let _shown = GaugeGuard::new(&self.group);
        self.received(receive, key).await
    }

    async fn received(
        self: &Arc<Self>,
        receive: oneshot::Receiver<Permit>,
        key: &Arc<OrderingKey>,
    ) -> Permit {
        match receive.await {
            Ok(permit) => permit,
            // No sender is dropped without an answer while `self` exists; if one were, continue rather than hang.
            Err(_) => self.permit(key, None),
        }
    }

    /// Pauses or resumes all keys; running attempts finish.
    pub(in crate::consumer) fn pause_all(&self, paused: bool) {
        let mut state = self.lock();
        state.paused = paused;
        self.grant(&mut state);
    }

    /// The key was paused or resumed.
    pub(in crate::consumer) fn key_changed(&self) {
        self.grant(&mut self.lock());
    }

    /// Waits until nothing of the key runs.
    pub(in crate::consumer) async fn wait_until_idle(&self, key: &OrderingKey) {
        loop {
            let ended = self.ended.notified();
            if key.running() == 0 {
                return;
            }
            ended.await;
        }
    }

    /// Counts these keys as running, for callers of `wait_until_idle`.
    pub(in crate::consumer) fn running(
        self: &Arc<Self>,
        keys: Vec<Arc<OrderingKey>>,
    ) -> RunningGuard {
        for key in &keys {
            key.begin();
        }
        RunningGuard {
            scheduler: Arc::clone(self),
            keys,
        }
    }

    /// Unavailable dependencies with the number of records waiting for each.
    pub(in crate::consumer) fn unavailable(&self) -> Vec<(Dependency, usize)> {
        let state = self.lock();
        let breaker_key = state.breakers.iter();
        breaker_key
            .map(|(breaker_key, breaker)| (breaker_key.dependency, breaker.waiters.len()))
            .collect()
    }

    fn permit(self: &Arc<Self>, key: &Arc<OrderingKey>, probe: Option<BreakerKey>) -> Permit {
        key.begin();
        Permit {
            scheduler: Arc::clone(self),
            key: Arc::clone(key),
            probe,
            is_returned: false,
        }
    }

    /// Grants free permits in round-robin order.
    fn grant(&self, state: &mut State) {
        if state.ready_keys.is_empty() {
            return;
        }
        let Some(this) = self.this.upgrade() else {
            return;
        };
        let mut passed_over = 0;
        while state.free > 0 && passed_over < state.ready_keys.len() {
            let Some(next) = state.ready_keys.pop_front() else {
                return;
            };
            let Some(waiting) = state.waiting.get_mut(&next) else {
                continue;
            };
            waiting.queue.retain(|send| !send.is_closed());
            if waiting.queue.is_empty() {
                state.waiting.remove(&next);
                continue;
            }
            let key = Arc::clone(&waiting.key);
            if state.is_blocked(&key) {
                state.ready_keys.push_back(next);
                passed_over += 1;
                continue;
            }
            passed_over = 0;
            if let Some(waiting) = state.waiting.get_mut(&next)
                && let Some(send) = waiting.queue.pop_front()
            {
                if waiting.queue.is_empty() {
                    state.waiting.remove(&next);
                } else {
                    state.ready_keys.push_back(next);
                }
                state.free -= 1;
                let permit = this.permit(&key, None);
                if let Err(refused) = send.send(permit) {
                    refused.return_to(state);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether nothing of this key may start.
    fn is_blocked(&self, key: &Arc<OrderingKey>) -> bool {
        self.paused
            || key.is_paused()
            || (!self.breakers.is_empty() && {
                let of = |breaker_key: &BreakerKey| {
                    breaker_key.key.is_none_or(|held| held == key_id(key))
                };
                self.breakers.keys().any(of)
            })
    }

    fn wait(&mut self, key: &Arc<OrderingKey>) -> oneshot::Receiver<Permit> {
        let (send, receive) = oneshot::channel();
        self.queue_of(key).push_back(send);
        receive
    }

    fn wait_first(&mut self, key: &Arc<OrderingKey>, send: oneshot::Sender<Permit>) {
        self.queue_of(key).push_front(send);
    }

    fn queue_of(&mut self, key: &Arc<OrderingKey>) -> &mut VecDeque<oneshot::Sender<Permit>> {
        let waiting = self.waiting.entry(key_id(key)).or_insert_with(|| {
            self.ready_keys.push_back(key_id(key));
            Waiting {
                key: Arc::clone(key),
                queue: VecDeque::new(),
            }
        });
        &mut waiting.queue
    }
}
