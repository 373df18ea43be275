//! Whose attempt is next: keys take turns, so that one with much to do does not keep the others waiting; and what is
//! held back, because its key is paused or something it needs is away.

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

use crate::{Dependency, Reach, consumer::scheduling::key::Key, metrics};

use crate::consumer::scheduling::turns::permit::Shown;
pub(in crate::consumer) use crate::consumer::scheduling::turns::permit::{Place, Running};

/// The first and the longest pause between probes of what is unavailable.
const FIRST_PROBE: Duration = Duration::from_millis(250);
const LONGEST_PROBE: Duration = Duration::from_secs(5);

/// Hands out places to run in.
pub(in crate::consumer) struct Turns {
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
    /// Keys with somebody waiting, in turn.
    line: VecDeque<usize>,
    waiting: HashMap<usize, Waiting>,
    breakers: HashMap<Away, Breaker>,
}

struct Waiting {
    key: Arc<Key>,
    queue: VecDeque<oneshot::Sender<Place>>,
}

/// What is away: for one key, or for the whole consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Away {
    dependency: Dependency,
    key: Option<usize>,
}

struct Breaker {
    /// Who has met it, and waits to try again: the first is the probe.
    met: VecDeque<(Arc<Key>, oneshot::Sender<Place>)>,
    pause: Duration,
}

fn id(key: &Arc<Key>) -> usize {
    Arc::as_ptr(key).addr()
}

impl Away {
    fn of(dependency: Dependency, key: &Arc<Key>) -> Self {
        let key = (dependency.reach() == Reach::Key).then(|| id(key));
        Self { dependency, key }
    }
}

impl Turns {
    pub(in crate::consumer) fn new(group: String, places: usize) -> Arc<Self> {
        let state = State {
            free: isize::try_from(places).unwrap_or(isize::MAX),
            paused: false,
            line: VecDeque::new(),
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
    pub(in crate::consumer) async fn turn(self: &Arc<Self>, key: &Arc<Key>) -> Place {
        let receive = {
            let mut state = self.lock();
            if state.free > 0 && state.line.is_empty() && !state.holds(key) {
                state.free -= 1;
                return self.place(key, None);
            }
            let receive = state.wait(key);
            // Those in line may all be held back.
            self.grant(&mut state);
            receive
        };
        self.received(receive, key).await
    }

    /// Waits until `dependency` may be tried again by this key, which has just met that it is away.
    pub(in crate::consumer) async fn turn_of_probe(
        self: &Arc<Self>,
        key: &Arc<Key>,
        dependency: Dependency,
    ) -> Place {
        let receive = {
            let (send, receive) = oneshot::channel();
            let away = Away::of(dependency, key);
            let mut state = self.lock();
            match state.breakers.get_mut(&away) {
                Some(breaker) => breaker.met.push_back((Arc::clone(key), send)),
                None => self.open(&mut state, away, (Arc::clone(key), send)),
            }
            receive
        };
        let _shown = Shown::new(&self.group);
        self.received(receive, key).await
    }

    async fn received(
        self: &Arc<Self>,
        receive: oneshot::Receiver<Place>,
        key: &Arc<Key>,
    ) -> Place {
        match receive.await {
            Ok(place) => place,
            // Nobody drops a sender without an answer while `self` is here; if it were so, go on rather than hang.
            Err(_) => self.place(key, None),
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
    pub(in crate::consumer) async fn quiet(&self, key: &Key) {
        loop {
            let ended = self.ended.notified();
            if key.running() == 0 {
                return;
            }
            ended.await;
        }
    }

    /// Notes that something of these keys runs, for those who wait until a key is quiet.
    pub(in crate::consumer) fn running(self: &Arc<Self>, keys: Vec<Arc<Key>>) -> Running {
        for key in &keys {
            key.begin();
        }
        Running {
            turns: Arc::clone(self),
            keys,
        }
    }

    /// What is away now, with the number of records that have met it.
    pub(in crate::consumer) fn away(&self) -> Vec<(Dependency, usize)> {
        let state = self.lock();
        let away = state.breakers.iter();
        away.map(|(away, breaker)| (away.dependency, breaker.met.len()))
            .collect()
    }

    fn place(self: &Arc<Self>, key: &Arc<Key>, probe: Option<Away>) -> Place {
        key.begin();
        Place {
            turns: Arc::clone(self),
            key: Arc::clone(key),
            probe,
            undone: false,
        }
    }

    fn open(&self, state: &mut State, away: Away, first: (Arc<Key>, oneshot::Sender<Place>)) {
        tracing::warn!(
            group = self.group,
            dependency = away.dependency.name(),
            key = %first.0.text(),
            "unavailable; what needs it waits, one probe at a time"
        );
        let breaker = Breaker {
            met: VecDeque::from([first]),
            pause: FIRST_PROBE,
        };
        state.breakers.insert(away, breaker);
        self.show(state, away.dependency);
        self.probe_later(away, FIRST_PROBE);
    }

    /// After the pause, lets the first that met it try.
    fn probe_later(&self, away: Away, pause: Duration) {
        let this = self.this.clone();
        let at = Instant::now() + pause.mul_f64(rand::random_range(0.8..1.2));
        // A runtime that ends takes everything that waits along.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep_until(at).await;
                if let Some(turns) = this.upgrade() {
                    turns.probe(away);
                }
            });
        }
    }

    fn probe(self: &Arc<Self>, away: Away) {
        let mut state = self.lock();
        let all_paused = state.paused;
        let Some(breaker) = state.breakers.get_mut(&away) else {
            return;
        };
        breaker.met.retain(|(_, send)| !send.is_closed());
        if breaker.met.is_empty() {
            // Everybody who met it is gone (their partitions are): the next who needs it finds out.
            return self.close(&mut state, away);
        }
        let may_try = |(key, _): &(Arc<Key>, _)| !all_paused && !key.is_paused();
        let first = breaker.met.iter().position(may_try);
        let Some((key, send)) = first.and_then(|first| breaker.met.remove(first)) else {
            let pause = breaker.pause;
            return self.probe_later(away, pause);
        };
        state.free -= 1;
        let place = self.place(&key, Some(away));
        drop(state);
        // Refused only by one who left in this moment; the place then comes back without an answer.
        drop(send.send(place));
    }

    fn close(&self, state: &mut State, away: Away) {
        let Some(breaker) = state.breakers.remove(&away) else {
            return;
        };
        tracing::info!(
            group = self.group,
            dependency = away.dependency.name(),
            "available again"
        );
        self.show(state, away.dependency);
        // They were first before, and stay so before others of their key.
        for (key, send) in breaker.met.into_iter().rev() {
            state.wait_first(&key, send);
        }
        self.grant(state);
    }

    /// Gives free places to those whose turn it is.
    fn grant(&self, state: &mut State) {
        if state.line.is_empty() {
            return;
        }
        let Some(this) = self.this.upgrade() else {
            return;
        };
        let mut passed_over = 0;
        while state.free > 0 && passed_over < state.line.len() {
            let Some(next) = state.line.pop_front() else {
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
            if state.holds(&key) {
                state.line.push_back(next);
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
                    state.line.push_back(next);
                }
                state.free -= 1;
                let place = this.place(&key, None);
                if let Err(refused) = send.send(place) {
                    refused.undo(state);
                }
            }
        }
    }

    fn show(&self, state: &State, dependency: Dependency) {
        let of = |away: &&Away| away.dependency == dependency;
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
    fn holds(&self, key: &Arc<Key>) -> bool {
        self.paused
            || key.is_paused()
            || (!self.breakers.is_empty() && {
                let of = |away: &Away| away.key.is_none_or(|held| held == id(key));
                self.breakers.keys().any(of)
            })
    }

    fn wait(&mut self, key: &Arc<Key>) -> oneshot::Receiver<Place> {
        let (send, receive) = oneshot::channel();
        self.line_up(key).push_back(send);
        receive
    }

    fn wait_first(&mut self, key: &Arc<Key>, send: oneshot::Sender<Place>) {
        self.line_up(key).push_front(send);
    }

    fn line_up(&mut self, key: &Arc<Key>) -> &mut VecDeque<oneshot::Sender<Place>> {
        let waiting = self.waiting.entry(id(key)).or_insert_with(|| {
            self.line.push_back(id(key));
            Waiting {
                key: Arc::clone(key),
                queue: VecDeque::new(),
            }
        });
        &mut waiting.queue
    }
}

impl Turns {
    fn lengthen(&self, away: Away) {
        let pause = {
            let mut state = self.lock();
            let Some(breaker) = state.breakers.get_mut(&away) else {
                return;
            };
            breaker.pause = (breaker.pause * 2).min(LONGEST_PROBE);
            breaker.pause
        };
        self.probe_later(away, pause);
    }
}
