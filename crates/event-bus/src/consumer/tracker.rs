//! Which offsets of a partition are done, and how far without a hole.

use std::collections::VecDeque;

/// Offsets taken from one partition, in order, each open or done.
///
/// The log may have holes of its own (compaction, transaction marks), so what counts is what was taken.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    taken: VecDeque<(i64, bool)>,
    last: Option<i64>,
    /// The offset to go on from after a restart.
    position: Option<i64>,
    /// Whether `position` moved since it was last asked for.
    moved: bool,
}

impl Tracker {
    /// Takes an offset. False when it was taken before: the record is known.
    pub(super) fn take(&mut self, offset: i64) -> bool {
        if self.last.is_some_and(|last| offset <= last) {
            return false;
        }
        self.last = Some(offset);
        self.taken.push_back((offset, false));
        true
    }

    /// This offset's work is finished.
    pub(super) fn done(&mut self, offset: i64) {
        if let Ok(index) = self.taken.binary_search_by_key(&offset, |taken| taken.0) {
            self.taken[index].1 = true;
        }
        while let Some((offset, true)) = self.taken.front().copied() {
            self.taken.pop_front();
            self.position = Some(offset + 1);
            self.moved = true;
        }
    }

    /// The offset after the contiguous prefix of finished ones, if it moved since last asked.
    pub(super) fn moved_to(&mut self) -> Option<i64> {
        std::mem::take(&mut self.moved)
            .then_some(self.position)
            .flatten()
    }

    /// How many are open or done behind an open one.
    #[cfg(test)]
    fn behind(&self) -> usize {
        self.taken.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Offsets with holes, and an order in which they finish.
    fn offsets_and_order() -> impl Strategy<Value = (Vec<i64>, Vec<i64>)> {
        prop::collection::btree_set(0i64..500, 1..60).prop_flat_map(|offsets| {
            let offsets: Vec<i64> = offsets.into_iter().collect();
            let order = Just(offsets.clone()).prop_shuffle();
            (Just(offsets), order)
        })
    }

    proptest! {
        #[test]
        fn the_position_never_passes_an_open_offset_and_ends_after_the_last((offsets, order) in offsets_and_order()) {
            let mut tracker = Tracker::default();
            for offset in &offsets {
                prop_assert!(tracker.take(*offset));
            }
            let mut open: std::collections::BTreeSet<i64> = offsets.iter().copied().collect();
            let mut position = None;
            for offset in order {
                tracker.done(offset);
                open.remove(&offset);
                position = tracker.moved_to().or(position);
                if let (Some(position), Some(first_open)) = (position, open.first()) {
                    prop_assert!(position <= *first_open);
                    // And it is as far as it may be: everything taken before it is done.
                    prop_assert!(offsets.iter().all(|taken| *taken < position || *taken >= *first_open));
                }
            }
            prop_assert_eq!(position, offsets.last().map(|last| last + 1));
            prop_assert_eq!(tracker.behind(), 0);
        }
    }

    #[test]
    fn an_offset_seen_again_is_not_taken_twice() {
        let mut tracker = Tracker::default();
        assert!(tracker.take(5));
        assert!(!tracker.take(5));
        assert!(!tracker.take(4));
        assert!(tracker.take(9));
        tracker.done(9);
        assert_eq!(tracker.moved_to(), None);
        tracker.done(5);
        assert_eq!(tracker.moved_to(), Some(10));
        assert_eq!(tracker.moved_to(), None);
    }
}
