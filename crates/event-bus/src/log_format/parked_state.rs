//! What is parked in one partition, folded from its log. The consumer and the operator's tools fold alike.

use std::collections::{HashMap, VecDeque};

use crate::log_format::parked_mark::{Identity, MarkKind, Written};

/// What is parked in one partition: some fifty bytes for each record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fold {
    sequences: HashMap<String, Queue>,
    records: usize,
}

/// One sequence: never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queue {
    /// In the order of the parked topic.
    pub(crate) entries: VecDeque<Entry>,
    /// It is to go on.
    pub(crate) is_releasing: bool,
    /// Where the head's last failed release is told.
    pub(crate) failed: Option<i64>,
    /// The records' key.
    pub(crate) key: Box<[u8]>,
    /// No entry has a greater offset in the topic it came from.
    newest: i64,
}

/// One parked record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its offset in the parked topic.
    pub(crate) offset: i64,
    pub(crate) identity: Identity,
}

impl Fold {
    pub(crate) fn get(&self, sequence: &str) -> Option<&Queue> {
        self.sequences.get(sequence)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Queue)> {
        self.sequences.iter()
    }

    pub(crate) fn sequences(&self) -> usize {
        self.sequences.len()
    }

    pub(crate) fn records(&self) -> usize {
        self.records
    }

    /// Takes the record at `offset` into account; offsets ascend.
    pub(crate) fn note(&mut self, offset: i64, written: &Written) {
        match written {
            Written::Parked {
                sequence,
                identity,
                is_behind,
                key,
            } => {
                let entry = Entry {
                    offset,
                    identity: *identity,
                };
                if let Some(queue) = self.sequences.get_mut(sequence) {
                    // Put twice: the first acknowledgement was lost, or the partition.
                    if queue.has(*identity) {
                        return;
                    }
                    queue.newest = queue.newest.max(identity.offset);
                    queue.entries.push_back(entry);
                } else {
                    let queue = Queue {
                        entries: [entry].into(),
                        // What it was to be parked behind is gone, and it did not fail itself: nothing keeps it here.
                        is_releasing: *is_behind,
                        failed: None,
                        key: key.clone(),
                        newest: identity.offset,
                    };
                    self.sequences.insert(sequence.clone(), queue);
                }
                self.records += 1;
            }
            Written::Mark {
                sequence,
                kind,
                record,
            } => self.mark(offset, sequence, kind, *record),
        }
    }

    fn mark(&mut self, offset: i64, sequence: &str, kind: &MarkKind, record: Option<i64>) {
        let Some(queue) = self.sequences.get_mut(sequence) else {
            return;
        };
        let is_head = record == Some(queue.head().offset);
        match kind {
            MarkKind::Release => queue.is_releasing = true,
            MarkKind::Failed if is_head => {
                queue.is_releasing = false;
                queue.failed = Some(offset);
            }
            MarkKind::Discard if is_head => self.remove(sequence, 0),
            MarkKind::Done => {
                let place = |entry: &Entry| entry.offset.cmp(&record.unwrap_or(-1));
                if let Ok(index) = queue.entries.binary_search_by(place) {
                    self.remove(sequence, index);
                }
            }
            // Of a head that is no longer there.
            MarkKind::Failed | MarkKind::Discard | MarkKind::Other(_) => {}
        }
    }

    fn remove(&mut self, sequence: &str, index: usize) {
        let Some(queue) = self.sequences.get_mut(sequence) else {
            return;
        };
        queue.entries.remove(index);
        self.records -= 1;
        if index == 0 {
            queue.failed = None;
        }
        if queue.entries.is_empty() {
            self.sequences.remove(sequence);
        }
    }
}

impl Queue {
    /// The record that keeps the others waiting.
    pub(crate) fn head(&self) -> Entry {
        // A queue begins with an entry, and goes with its last.
        self.entries[0]
    }

    pub(crate) fn has(&self, identity: Identity) -> bool {
        identity.offset <= self.newest
            && self.entries.iter().any(|entry| entry.identity == identity)
    }

    /// Up to `count` entries behind the offset `after`.
    pub(crate) fn after(&self, after: i64, count: usize) -> Vec<Entry> {
        let from = self.entries.partition_point(|entry| entry.offset <= after);
        self.entries.range(from..).take(count).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn identity(offset: i64) -> Identity {
        Identity {
            offset,
            event: Uuid::from_u128(offset.unsigned_abs().into()),
        }
    }

    fn parked(sequence: &str, original: i64, is_behind: bool) -> Written {
        Written::Parked {
            sequence: sequence.to_owned(),
            identity: identity(original),
            is_behind,
            key: Box::from(&b"k"[..]),
        }
    }

    fn mark(sequence: &str, kind: MarkKind, record: i64) -> Written {
        Written::Mark {
            sequence: sequence.to_owned(),
            kind,
            record: Some(record),
        }
    }

    fn fold(log: &[Written]) -> Fold {
        let mut fold = Fold::default();
        for (offset, written) in (0..).zip(log) {
            fold.note(offset, written);
        }
        fold
    }

    fn originals(fold: &Fold, sequence: &str) -> Vec<i64> {
        let entries = fold
            .get(sequence)
            .into_iter()
            .flat_map(|queue| &queue.entries);
        entries.map(|entry| entry.identity.offset).collect()
    }

    fn written() -> impl Strategy<Value = Written> {
        let sequence = prop::sample::select(vec!["a", "b", "c"]);
        let kind = prop::sample::select(vec!["release", "discard", "done", "failed", "newer"]);
        prop_oneof![
            (sequence.clone(), 0i64..30, any::<bool>())
                .prop_map(|(sequence, original, is_behind)| parked(sequence, original, is_behind)),
            (sequence, kind, 0i64..60).prop_map(|(sequence, kind, record)| mark(
                sequence,
                MarkKind::of(kind),
                record
            )),
        ]
    }

    proptest! {
        #[test]
        fn whatever_is_in_the_log_the_queues_are_sound(log in prop::collection::vec(written(), 0..60)) {
            let mut fold = Fold::default();
            for (offset, written) in (0..).zip(&log) {
                fold.note(offset, written);
                let mut records = 0;
                for (_, queue) in fold.iter() {
                    records += queue.entries.len();
                    prop_assert!(!queue.entries.is_empty());
                    prop_assert!(queue.entries.iter().is_sorted_by_key(|entry| entry.offset));
                    for (index, entry) in queue.entries.iter().enumerate() {
                        let rest = queue.entries.range(index + 1..);
                        prop_assert!(rest.clone().all(|other| other.identity != entry.identity), "twice");
                    }
                }
                prop_assert_eq!(fold.records(), records);
            }
        }

        #[test]
        fn a_record_leaves_only_by_done_or_as_a_discarded_head(log in prop::collection::vec(written(), 0..60)) {
            let mut fold = Fold::default();
            for (offset, written) in (0..).zip(&log) {
                let before = fold.clone();
                fold.note(offset, written);
                for sequence in ["a", "b", "c"] {
                    let (was, is) = (originals(&before, sequence), originals(&fold, sequence));
                    match written {
                        Written::Parked { sequence: of, identity, .. } if of == sequence => {
                            let mut expected = was.clone();
                            if !was.contains(&identity.offset) {
                                expected.push(identity.offset);
                            }
                            prop_assert_eq!(is, expected);
                        }
                        Written::Mark { sequence: of, kind, record } if of == sequence => {
                            let entries = before.get(sequence).map(|queue| queue.entries.clone()).unwrap_or_default();
                            let at = entries.iter().position(|entry| Some(entry.offset) == *record);
                            let gone = match kind {
                                MarkKind::Done => at,
                                MarkKind::Discard => at.filter(|index| *index == 0),
                                _ => None,
                            };
                            let mut expected = was.clone();
                            if let Some(index) = gone {
                                expected.remove(index);
                            }
                            prop_assert_eq!(is, expected);
                        }
                        _ => prop_assert_eq!(is, was),
                    }
                }
            }
        }

        /// A consumer that died at any moment wrote some records and marks of its last moments twice.
        #[test]
        fn what_is_parked_twice_is_parked_once(count in 1i64..20, copies in prop::collection::vec(0usize..20, 0..10)) {
            let mut log: Vec<Written> = (0..count).map(|original| parked("a", original, original > 0)).collect();
            for copy in copies {
                let copy = log[copy % log.len()].clone();
                log.push(copy);
            }
            prop_assert_eq!(originals(&fold(&log), "a"), (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_sequence_is_released_until_its_head_fails_again() {
        let mut log = vec![
            parked("a", 10, false),
            parked("a", 11, true),
            parked("b", 12, false),
            mark("a", MarkKind::Release, 0),
        ];
        assert!(fold(&log).get("a").unwrap().is_releasing);
        assert!(!fold(&log).get("b").unwrap().is_releasing);
        log.push(mark("a", MarkKind::Done, 0));
        log.push(mark("a", MarkKind::Failed, 1));
        let folded = fold(&log);
        let queue = folded.get("a").unwrap();
        assert_eq!(
            (queue.is_releasing, queue.failed, originals(&folded, "a")),
            (false, Some(5), vec![11])
        );
    }

    #[test]
    fn what_is_said_of_a_head_that_is_gone_touches_no_other() {
        let log = [
            parked("a", 10, false),
            parked("a", 11, true),
            mark("a", MarkKind::Release, 0),
            mark("a", MarkKind::Done, 0),
            mark("a", MarkKind::Failed, 0),
            mark("a", MarkKind::Discard, 0),
        ];
        let folded = fold(&log);
        assert!(folded.get("a").unwrap().is_releasing);
        assert_eq!(originals(&folded, "a"), [11]);
    }

    #[test]
    fn what_comes_behind_nothing_goes_on_by_itself() {
        let log = [
            parked("a", 10, false),
            mark("a", MarkKind::Discard, 0),
            parked("a", 11, true),
        ];
        assert!(fold(&log).get("a").unwrap().is_releasing);
        assert!(
            !fold(&[parked("a", 11, false)])
                .get("a")
                .unwrap()
                .is_releasing
        );
    }

    #[test]
    fn a_topic_made_anew_has_other_events_at_old_offsets() {
        let mut other = parked("a", 10, true);
        if let Written::Parked { identity, .. } = &mut other {
            identity.event = Uuid::from_u128(999);
        }
        let folded = fold(&[parked("a", 10, false), parked("a", 11, true), other]);
        assert_eq!(originals(&folded, "a"), [10, 11, 10]);
    }
}
