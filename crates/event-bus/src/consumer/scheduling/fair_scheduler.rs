//! Whose attempt is next: keys take scheduler, so that one with much to do does not keep the others waiting; and what is
//! held back, because its key is paused or something it needs is breaker_key.

mod permit;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{Notify, oneshot},
    time::Instant,
};

use crate::{Dependency, Reach, consumer::scheduling::ordering_key::OrderingKey, metrics};

use crate::consumer::scheduling::fair_scheduler::permit::GaugeGuard;
pub(in crate::consumer) use crate::consumer::scheduling::fair_scheduler::permit::{
    Permit, RunningGuard,
};

/// The first and the longest pause between probes of what is unavailable.
const FIRST_PROBE: Duration = Duration::from_millis(250);
const LONGEST_PROBE: Duration = Duration::from_secs(5);

/// Hands out permits to run in.
pub(in crate::consumer) struct FairScheduler {
    group: String,
    state: Mutex<State>,
    /// Something ended, for who waits until a paused key is quiet.
    ended: Notify,
    this: Weak<Self>,
}

struct State {
    /// Places free; below zero when probes run besides.
    free: isize,
    paused: bool,
    /// KeyRegistry with somebody waiting, in turn.
    ready_keys: VecDeque<usize>,
    waiting: HashMap<usize, Waiting>,
    breakers: HashMap<BreakerKey, Breaker>,
}

struct Waiting {
    key: Arc<OrderingKey>,
    queue: VecDeque<oneshot::Sender<Permit>>,
}

/// What is breaker_key: for one key, or for the whole consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct BreakerKey {
    dependency: Dependency,
    key: Option<usize>,
}

struct Breaker {
    /// Who has met it, and waits to try again: the first is the probe.
    waiters: VecDeque<(Arc<OrderingKey>, oneshot::Sender<Permit>)>,
    pause: Duration,
}

fn key_id(key: &Arc<OrderingKey>) -> usize {
    Arc::as_ptr(key).addr()
}

impl BreakerKey {
    fn of(dependency: Dependency, key: &Arc<OrderingKey>) -> Self {
        let key = (dependency.reach() == Reach::Key).then(|| key_id(key));
        Self { dependency, key }
    }
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

    /// Waits for this key's turn.
    pub(in crate::consumer) async fn acquire(self: &Arc<Self>, key: &Arc<OrderingKey>) -> Permit {
        let receive = {
            let mut state = self.lock();
            if state.free > 0 && state.ready_keys.is_empty() && !state.is_blocked(key) {
                state.free -= 1;
                return self.permit(key, None);
            }
            let receive = state.wait(key);
            // Those in ready_keys may all be held back.
            self.grant(&mut state);
            receive
        };
        self.received(receive, key).await
    }

    /// Waits until `dependency` may be tried again by this key, which has just met that it is breaker_key.
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
            // Nobody drops a sender without an answer while `self` is here; if it were so, go on rather than hang.
            Err(_) => self.permit(key, None),
        }
    }

    /// Starts nothing of any key until resumed; what runs ends.
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

    /// Notes that something of these keys runs, for those who wait until a key is quiet.
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

    /// What is away now, with the number of records that have met it.
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

    fn open(
        &self,
        state: &mut State,
        breaker_key: BreakerKey,
        first: (Arc<OrderingKey>, oneshot::Sender<Permit>),
    ) {
        tracing::warn!(
            group = self.group,
            dependency = breaker_key.dependency.name(),
            key = %first.0.text(),
            "unavailable; what needs it waits, one probe at a time"
        );
        let breaker = Breaker {
            waiters: VecDeque::from([first]),
            pause: FIRST_PROBE,
        };
        state.breakers.insert(breaker_key, breaker);
        self.show(state, breaker_key.dependency);
        self.probe_later(breaker_key, FIRST_PROBE);
    }

    /// After the pause, lets the first that met it try.
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
            // Everybody who met it is gone (their partitions are): the next who needs it finds out.
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
        // Refused only by one who left in this moment; the permit then comes back without an answer.
        drop(send.send(permit));
    }

    fn close(&self, state: &mut State, breaker_key: BreakerKey) {
        let Some(breaker) = state.breakers.remove(&breaker_key) else {
            return;
        };
        tracing::info!(
            group = self.group,
            dependency = breaker_key.dependency.name(),
            "available again"
        );
        self.show(state, breaker_key.dependency);
        // They were first before, and stay so before others of their key.
        for (key, send) in breaker.waiters.into_iter().rev() {
            state.wait_first(&key, send);
        }
        self.grant(state);
    }

    /// Gives free permits to those whose turn it is.
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

    fn show(&self, state: &State, dependency: Dependency) {
        let of = |breaker_key: &&BreakerKey| breaker_key.dependency == dependency;
        let open = state.breakers.keys().filter(of).count();
        metrics::CONSUMER_BREAKER
            .with_label_values(&[self.group.as_str(), dependency.name()])
            .set(if open > 0 { 2 } else { 0 });
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

impl FairScheduler {
    fn back_off(&self, breaker_key: BreakerKey) {
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
