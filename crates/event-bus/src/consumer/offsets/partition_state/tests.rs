//! A model of a partition: a log of keys, two readers, work that finishes in any order, restarts at any moment.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const KEYS: u8 = 4;
const SHARE: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The main reader reads this many records.
    Read(u8),
    /// The second reader does.
    Bring(u8),
    /// The n-th record in flight is finished.
    Finish(u8),
    /// A key is paused or resumed.
    Pause(u8, bool),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u8..12).prop_map(Step::Read),
        3 => (1u8..12).prop_map(Step::Bring),
        8 => any::<u8>().prop_map(Step::Finish),
        1 => (0..KEYS, any::<bool>()).prop_map(|(key, paused)| Step::Pause(key, paused)),
        1 => Just(Step::Restart),
    ]
}

/// A log in which the first key has half of the records.
fn log() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![Just(0), 0..KEYS], 1..120)
}

struct Model {
    log: Vec<u8>,
    keys: KeyRegistry,
    state: PartitionState,
    main: usize,
    second: Option<i64>,
    flying: Vec<(i64, ReadPath)>,
    begun: BTreeMap<u8, i64>,
    finished: BTreeSet<i64>,
}

impl Model {
    fn new(log: Vec<u8>) -> Self {
        Self {
            log,
            keys: KeyRegistry::default(),
            state: PartitionState::begin(0),
            main: 0,
            second: None,
            flying: Vec::new(),
            begun: BTreeMap::new(),
            finished: BTreeSet::new(),
        }
    }

    fn key(&mut self, offset: usize) -> Arc<OrderingKey> {
        self.keys.get(&[self.log[offset]])
    }

    fn fly(&mut self, offset: i64, path: ReadPath, key: &OrderingKey) {
        let before = self.begun.insert(self.log[at(offset)], offset);
        assert!(
            before.is_none_or(|before| before < offset),
            "{offset} of a key begins after {before:?}"
        );
        key.entered();
        self.flying.push((offset, path));
    }

    /// One record for the main reader; false at the end of the log.
    fn read(&mut self) -> bool {
        if self.main >= self.log.len() {
            return false;
        }
        let (offset, key) = (i64::try_from(self.main).unwrap(), self.key(self.main));
        self.main += 1;
        if (key.is_paused() || key.in_flight() >= SHARE) && !self.state.defer(offset, &key) {
            assert!(self.state.mark_lagging(offset, &key));
        }
        if !self.state.defer(offset, &key) {
            match self.state.take(offset) {
                Taken::Open => self.fly(offset, ReadPath::Primary, &key),
                Taken::DoneBefore => assert!(self.finished.contains(&offset)),
                Taken::Known => {}
            }
        }
        true
    }

    /// One record for the second reader; false when none is wanted.
    fn bring(&mut self) -> bool {
        let room = |key: &OrderingKey| !key.is_paused() && key.in_flight() < SHARE;
        self.state.catch_up();
        let low = |key: &OrderingKey| !key.is_paused() && key.in_flight() <= SHARE / 2;
        let Some(offset) = self.state.wanted(self.second, room, low) else {
            self.second = None;
            return false;
        };
        let key = self.key(at(offset));
        match self.state.bring((offset, offset), &key, room) {
            Some(Taken::Open) => self.fly(offset, ReadPath::CatchUp, &key),
            Some(Taken::DoneBefore) => assert!(self.finished.contains(&offset)),
            Some(Taken::Known) | None => {}
        }
        self.second = Some(offset + 1);
        true
    }

    fn finish(&mut self, n: usize) {
        if self.flying.is_empty() {
            return;
        }
        let (offset, path) = self.flying.swap_remove(n % self.flying.len());
        let key = self.key(at(offset));
        key.left();
        self.finished.insert(offset);
        self.state.complete(offset, path, &key);
    }

    /// What is committed may be a moment old, never new.
    fn restart(&mut self) {
        let committed = self.state.snapshot();
        let (position, text) = committed.unwrap_or_default();
        for open in 0..position {
            assert!(self.finished.contains(&open), "{open} < {position} is done");
        }
        self.keys = KeyRegistry::default();
        self.state = PartitionState::resume(position, &text, &mut self.keys);
        self.main = at(self.state.read_from().unwrap());
        self.second = None;
        self.flying.clear();
        self.begun.clear();
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Read(count) => (0..count).for_each(|_| _ = self.read()),
            Step::Bring(count) => (0..count).for_each(|_| _ = self.bring()),
            Step::Finish(n) => self.finish(n.into()),
            Step::Pause(key, paused) => self.keys.get(&[key]).set_paused(paused),
            Step::Restart => self.restart(),
        }
    }
}

fn at(offset: i64) -> usize {
    usize::try_from(offset).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    #[test]
    fn every_record_is_handled_and_each_key_in_order_whatever_falls_behind_and_restarts(
        log in log(),
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let mut model = Model::new(log);
        for step in steps {
            model.run(step);
        }
        for key in 0..KEYS {
            model.run(Step::Pause(key, false));
        }
        let mut rounds = 0;
        while model.read() || model.bring() || !model.flying.is_empty() {
            model.finish(0);
            rounds += 1;
            prop_assert!(rounds < 100_000, "it comes to no end");
        }
        let all: BTreeSet<i64> = (0..i64::try_from(model.log.len()).unwrap()).collect();
        prop_assert_eq!(&model.finished, &all);
        let end = i64::try_from(model.log.len()).unwrap();
        prop_assert_eq!(model.state.position(), Some(end));
    }
}

#[test]
fn a_restart_brings_only_what_was_not_done() {
    // One key floods; another's records between are done meanwhile.
    let log: Vec<u8> = (0..100).map(|n| u8::from(n % 10 == 9)).collect();
    let mut model = Model::new(log);
    while model.read() {
        // Of the other key's, all are finished at once.
        if let Some(n) = model.flying.iter().position(|(offset, _)| offset % 10 == 9) {
            model.finish(n);
        }
    }
    model.finish(1);
    assert_eq!(model.state.position(), Some(0));
    let done = model.finished.clone();

    model.restart();
    let mut begun = BTreeSet::new();
    while model.read() || model.bring() || !model.flying.is_empty() {
        begun.extend(model.flying.iter().map(|(offset, _)| *offset));
        model.finish(0);
    }
    assert!(begun.is_disjoint(&done), "{done:?} were done");
    assert_eq!(model.finished.len(), 100);
}

#[test]
fn what_the_main_reader_had_between_two_times_behind_is_not_taken_for_done() {
    let mut keys = KeyRegistry::default();
    let key = keys.get(b"k");
    let mut state = PartitionState::begin(0);
    assert!(state.mark_lagging(0, &key));
    assert!(state.defer(0, &key) && state.defer(1, &key));
    for offset in 0..2 {
        let span = (offset, offset);
        assert_eq!(state.bring(span, &key, |_| true), Some(Taken::Open));
    }
    // Caught up; 2 is the main reader's, and stays open.
    assert!(!state.defer(2, &key));
    assert_eq!(state.take(2), Taken::Open);
    // Behind again: 3 is brought, and done, as 1 is. 0 stays open.
    assert!(state.mark_lagging(3, &key) && state.defer(3, &key));
    assert_eq!(state.bring((3, 3), &key, |_| true), Some(Taken::Open));
    state.complete(1, ReadPath::CatchUp, &key);
    state.complete(3, ReadPath::CatchUp, &key);

    let (position, text) = state.snapshot().unwrap();
    assert_eq!(position, 0);
    let mut again = PartitionState::resume(position, &text, &mut keys);
    let mut open = Vec::new();
    for offset in again.read_from().unwrap()..4 {
        if !again.defer(offset, &key) && again.take(offset) == Taken::Open {
            open.push(offset);
        }
    }
    for offset in 0..4 {
        if again.bring((offset, offset), &key, |_| true) == Some(Taken::Open) {
            open.push(offset);
        }
    }
    assert!(open.contains(&0) && open.contains(&2), "{open:?}");
    assert!(!open.contains(&1), "{open:?}");
}
