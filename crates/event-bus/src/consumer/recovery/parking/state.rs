//! What is parked of one partition, as its owner knows it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::log_format::parked_state::Entry;
use crate::log_format::{
    parked_mark::{Identity, Written},
    parked_state::Fold,
};

/// What is parked of one partition, while it is held.
///
/// Everything comes from the parked log, by the one reader that follows it, but for records that are on their way there: those
/// count as parked already.
pub(in crate::consumer) struct Parked {
    /// The parked topic without prefix.
    pub(in crate::consumer) topic: String,
    limit: usize,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    fold: Fold,
    /// The log was read to where its end was when the partition came.
    is_loaded: bool,
    /// Handed to the producer, and not met in the log yet.
    pending_writes: HashMap<String, Vec<Identity>>,
    /// Sequences whose release is in its lane.
    queued: HashSet<String>,
    /// Sequences whose release runs.
    running: HashSet<String>,
}

/// How an event stands to what is parked.
pub(in crate::consumer) enum Found {
    /// Nothing of its sequence is parked.
    Free,
    /// It is parked itself: this is the same record again.
    Known,
    /// This sequence is parked; its head was at this offset of the topic.
    Behind(String, i64),
}

/// What a release does next.
pub(in crate::consumer) enum ReleaseStep {
    /// Nothing: the sequence is free, or keeps waiting.
    Nothing,
    /// Handles these.
    Entries(Vec<Entry>),
}

/// What is parked, in numbers.
#[derive(Clone, Copy, Default)]
pub(in crate::consumer) struct Count {
    pub(in crate::consumer) sequences: usize,
    pub(in crate::consumer) records: usize,
}

impl State {
    fn is_parked(&self, sequence: &str) -> bool {
        self.fold.get(sequence).is_some() || self.pending_writes.contains_key(sequence)
    }

    fn is_releasing(&self, sequence: &str) -> bool {
        let queue = self.fold.get(sequence);
        queue.is_some_and(|queue| queue.is_releasing)
    }

    /// Notes that a release of the sequence is to be put into its lane, unless there is one or none is wanted.
    fn queue(&mut self, sequence: &str) -> Option<(String, Box<[u8]>)> {
        let queue = self.fold.get(sequence).filter(|queue| queue.is_releasing)?;
        if !self.is_loaded || self.queued.contains(sequence) || self.running.contains(sequence) {
            return None;
        }
        let key = queue.key.clone();
        self.queued.insert(sequence.to_owned());
        Some((sequence.to_owned(), key))
    }

    fn records(&self) -> usize {
        self.fold.records() + self.pending_writes.values().map(Vec::len).sum::<usize>()
    }
}

impl Parked {
    pub(in crate::consumer) fn new(topic: String, limit: usize) -> Self {
        Self {
            topic,
            limit,
            state: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Waits until it is known what is parked.
    pub(in crate::consumer) async fn loaded(&self) {
        self.until(|state| state.is_loaded.then_some(())).await;
    }

    /// How an event stands, whose sequence has one of these names.
    pub(in crate::consumer) fn find(&self, names: &[String], identity: Identity) -> Found {
        let state = self.lock();
        let Some(name) = names.iter().find(|name| state.is_parked(name)) else {
            return Found::Free;
        };
        match state.fold.get(name) {
            Some(queue) if queue.has(identity) => Found::Known,
            Some(queue) => Found::Behind(name.clone(), queue.head().identity.offset),
            None => {
                let pending_writes = state.pending_writes.get(name);
                let head = pending_writes.and_then(|records| records.first());
                Found::Behind(
                    name.clone(),
                    head.map_or(identity.offset, |head| head.offset),
                )
            }
        }
    }

    /// A record is about to be put. False when so much is parked that it has to wait.
    pub(in crate::consumer) fn expect(&self, sequence: &str, identity: Identity) -> bool {
        let mut state = self.lock();
        if state.records() >= self.limit {
            return false;
        }
        let pending_writes = state.pending_writes.entry(sequence.to_owned()).or_default();
        pending_writes.push(identity);
        true
    }

    /// Waits until there is room, or a sequence to be released that nobody releases yet.
    pub(in crate::consumer) async fn room_or_release(&self) -> Option<(String, Box<[u8]>)> {
        self.until(|state| {
            if state.records() < self.limit {
                return Some(None);
            }
            let waiting = |sequence: &&String| !state.running.contains(*sequence);
            let mut releasing = state.fold.iter().filter(|(_, queue)| queue.is_releasing);
            let found = releasing.find(|(sequence, _)| waiting(sequence));
            found.map(|(sequence, queue)| Some((sequence.clone(), queue.key.clone())))
        })
        .await
    }

    /// The reader met a record of the parked log: the sequence whose release should begin now, and its key.
    pub(in crate::consumer) fn apply(
        &self,
        offset: i64,
        written: &Written,
    ) -> Option<(String, Box<[u8]>)> {
        let mut state = self.lock();
        state.fold.note(offset, written);
        let sequence = match written {
            Written::Parked {
                sequence, identity, ..
            } => {
                if let Some(pending_writes) = state.pending_writes.get_mut(sequence) {
                    pending_writes.retain(|waiting| waiting != identity);
                    if pending_writes.is_empty() {
                        state.pending_writes.remove(sequence);
                    }
                }
                sequence
            }
            Written::Mark { sequence, .. } => sequence,
        };
        let starts = state.queue(sequence);
        drop(state);
        self.changed.notify_waiters();
        starts
    }

    /// The log was read to its end: the sequences whose release goes on, with their keys.
    pub(in crate::consumer) fn load(&self) -> Vec<(String, Box<[u8]>)> {
        let mut state = self.lock();
        state.is_loaded = true;
        let sequences: Vec<String> = state.fold.iter().map(|(name, _)| name.clone()).collect();
        let starts = sequences.iter().filter_map(|name| state.queue(name));
        let starts = starts.collect();
        drop(state);
        self.changed.notify_waiters();
        starts
    }

    /// The release has come to its turn in the lane.
    pub(in crate::consumer) fn taken(&self, sequence: &str) {
        self.lock().queued.remove(sequence);
    }

    /// Begins a release, unless it is not wanted any more or runs already.
    pub(in crate::consumer) fn claim(&self, sequence: &str) -> bool {
        let mut state = self.lock();
        state.is_releasing(sequence) && state.running.insert(sequence.to_owned())
    }

    /// Ends a release, unless it was asked for again meanwhile.
    pub(in crate::consumer) fn unclaim(&self, sequence: &str) -> bool {
        let mut state = self.lock();
        !state.is_releasing(sequence) && state.running.remove(sequence)
    }

    /// What a release that got as far as the offset `last` has to do next. It waits for its marks to be met in the log, and for
    /// records of the sequence that are on their way.
    pub(in crate::consumer) async fn ahead(
        &self,
        sequence: &str,
        last: i64,
        count: usize,
    ) -> ReleaseStep {
        self.until(|state| match state.fold.get(sequence) {
            Some(queue) if !queue.is_releasing => Some(ReleaseStep::Nothing),
            Some(queue) => {
                let entries = queue.after(last, count);
                (!entries.is_empty()).then_some(ReleaseStep::Entries(entries))
            }
            None => (!state.pending_writes.contains_key(sequence)).then_some(ReleaseStep::Nothing),
        })
        .await
    }

    /// Whether the entry is still parked.
    pub(in crate::consumer) fn holds(&self, sequence: &str, entry: &Entry) -> bool {
        let state = self.lock();
        let queue = state.fold.get(sequence);
        queue.is_some_and(|queue| queue.has(entry.identity))
    }

    /// Where the head's last failed release is told.
    pub(in crate::consumer) fn failed(&self, sequence: &str) -> Option<i64> {
        self.lock().fold.get(sequence)?.failed
    }

    /// Waits until the log tells of the failure of the entry, after the one at `before`.
    pub(in crate::consumer) async fn failed_since(
        &self,
        sequence: &str,
        entry: &Entry,
        before: Option<i64>,
    ) {
        self.until(|state| {
            let queue = state.fold.get(sequence);
            let queue = queue.filter(|queue| queue.head() == *entry && queue.failed == before);
            queue.is_none().then_some(())
        })
        .await;
    }

    pub(in crate::consumer) fn count(&self) -> Count {
        let state = self.lock();
        Count {
            sequences: state.fold.sequences(),
            records: state.fold.records(),
        }
    }

    async fn until<T>(&self, mut look: impl FnMut(&State) -> Option<T>) -> T {
        loop {
            // Made before the look, so that what changes after it is not missed.
            let changed = self.changed.notified();
            let found = look(&self.lock());
            if let Some(found) = found {
                return found;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use uuid::Uuid;

    use super::*;
    use crate::log_format::parked_mark::MarkKind;

    fn identity(offset: i64) -> Identity {
        let event = Uuid::from_u128(offset.unsigned_abs().into());
        Identity { offset, event }
    }

    fn parked(original: i64, is_behind: bool) -> Written {
        Written::Parked {
            sequence: "a".to_owned(),
            identity: identity(original),
            is_behind,
            key: Box::default(),
        }
    }

    fn mark(kind: MarkKind, record: Option<i64>) -> Written {
        Written::Mark {
            sequence: "a".to_owned(),
            kind,
            record,
        }
    }

    /// With two records of `a`, released.
    fn releasing() -> Parked {
        let state = Parked::new("t.c.parked".to_owned(), 10);
        assert!(state.load().is_empty());
        assert!(state.apply(0, &parked(7, false)).is_none());
        assert!(state.apply(1, &parked(8, true)).is_none());
        assert!(state.apply(2, &mark(MarkKind::Release, None)).is_some());
        state
    }

    fn is_behind(state: &Parked, offset: i64) -> bool {
        let names = ["a".to_owned()];
        matches!(state.find(&names, identity(offset)), Found::Behind(_, 7))
    }

    #[test]
    fn what_is_on_the_way_is_parked_already() {
        let state = Parked::new("t.c.parked".to_owned(), 2);
        assert!(!is_behind(&state, 8));
        assert!(state.expect("a", identity(7)));
        assert!(is_behind(&state, 8));
        assert!(state.expect("a", identity(8)));
        assert!(!state.expect("a", identity(9)), "it is full");
        state.apply(0, &parked(7, false));
        assert!(is_behind(&state, 8) && !state.expect("a", identity(9)));
        state.apply(1, &parked(8, true));
        let names = ["a".to_owned()];
        assert!(matches!(state.find(&names, identity(8)), Found::Known));
    }

    #[test]
    fn work_waits_until_it_is_known_what_is_parked() {
        let state = Parked::new("t.c.parked".to_owned(), 2);
        assert!(state.loaded().now_or_never().is_none());
        assert!(state.apply(0, &parked(7, true)).is_none(), "not yet");
        assert_eq!(state.load().len(), 1, "a release goes on");
        assert!(state.loaded().now_or_never().is_some());
    }

    #[test]
    fn a_release_waits_for_its_marks_and_for_what_is_on_the_way() {
        let state = releasing();
        state.taken("a");
        assert!(state.claim("a") && !state.claim("a"));
        let ahead = |last| state.ahead("a", last, 10).now_or_never();
        assert!(matches!(ahead(-1), Some(ReleaseStep::Entries(entries)) if entries.len() == 2));
        assert!(ahead(1).is_none(), "its marks were not met");
        assert!(state.expect("a", identity(9)));
        state.apply(3, &mark(MarkKind::Done, Some(0)));
        state.apply(4, &mark(MarkKind::Done, Some(1)));
        assert!(ahead(1).is_none(), "one is on the way");
        state.apply(5, &parked(9, true));
        assert!(matches!(ahead(1), Some(ReleaseStep::Entries(entries)) if entries.len() == 1));
        state.apply(6, &mark(MarkKind::Done, Some(5)));
        assert!(matches!(ahead(5), Some(ReleaseStep::Nothing)));
        assert!(state.unclaim("a") && state.count().records == 0);
    }

    #[test]
    fn a_release_asked_for_again_while_one_ends_is_not_lost() {
        let state = releasing();
        assert!(state.claim("a"));
        state.taken("a");
        assert!(state.apply(3, &mark(MarkKind::Failed, Some(0))).is_none());
        assert!(
            state.apply(4, &mark(MarkKind::Release, None)).is_none(),
            "one runs"
        );
        assert!(!state.unclaim("a"), "it goes on");
        assert!(state.apply(5, &mark(MarkKind::Failed, Some(0))).is_none());
        assert!(state.unclaim("a"));
        assert!(state.apply(6, &mark(MarkKind::Release, None)).is_some());
    }
}
