//! Which offsets of a partition are done, and how far without a hole.

use std::collections::VecDeque;

/// Offsets from the first up to, not including, the second.
pub(in crate::consumer) type OffsetRange = (i64, i64);

/// Offsets taken from one partition, in order, each open or done.
///
/// The log may have holes of its own (compaction, transaction marks), so what counts is what was taken. Offsets done
/// side by side become one entry now and then, so the memory needed is for what is open.
#[derive(Debug, Default)]
pub(in crate::consumer) struct OffsetTracker {
    entries: VecDeque<Entry>,
    /// Entries that are open.
    open: usize,
    /// The offset after the last one taken; where to begin, before there is one.
    next: Option<i64>,
    /// Done before a restart, and not come by yet.
    ahead: VecDeque<OffsetRange>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    first: i64,
    last: i64,
    done: bool,
}

/// Entries are put together when they are more than this, and several times what is open: so each is moved but a few
/// times, however many are between it and its place.
const FEW: usize = 64;

/// What taking an offset found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::consumer) enum Taken {
    /// There is work to do.
    Open,
    /// It was done before a restart.
    DoneBefore,
    /// It was taken already.
    Known,
}

impl OffsetTracker {
    /// Goes on at `next`; of what comes, `ahead` is done.
    pub(in crate::consumer) fn resume(next: i64, ahead: Vec<OffsetRange>) -> Self {
        Self {
            entries: VecDeque::new(),
            open: 0,
            next: Some(next),
            ahead: ahead.into(),
        }
    }

    /// Takes an offset for work.
    pub(in crate::consumer) fn take(&mut self, offset: i64) -> Taken {
        if self.is_known(offset) {
            return Taken::Known;
        }
        if self.was_done(offset) {
            self.push_done(offset);
            return Taken::DoneBefore;
        }
        self.next = Some(offset + 1);
        self.open += 1;
        self.entries.push_back(Entry {
            first: offset,
            last: offset,
            done: false,
        });
        Taken::Open
    }

    /// Takes an offset that needs no work. False when it was taken already.
    pub(in crate::consumer) fn skip(&mut self, offset: i64) -> bool {
        let new = !self.is_known(offset);
        if new {
            self.was_done(offset);
            self.push_done(offset);
        }
        new
    }

    /// This offset's work is finished.
    pub(in crate::consumer) fn complete(&mut self, offset: i64) {
        let found = self
            .entries
            .binary_search_by(|entry| entry.first.cmp(&offset));
        let Ok(index) = found else {
            return;
        };
        if std::mem::replace(&mut self.entries[index].done, true) {
            return;
        }
        self.open -= 1;
        while self.entries.front().is_some_and(|front| front.done) {
            self.entries.pop_front();
        }
        if self.entries.len() > FEW.max(4 * self.open) {
            self.put_together();
        }
    }

    /// Makes one entry of those that are done side by side.
    fn put_together(&mut self) {
        let mut kept: VecDeque<Entry> = VecDeque::with_capacity(2 * self.open + 1);
        for entry in self.entries.drain(..) {
            match kept.back_mut() {
                Some(last) if last.done && entry.done => last.last = entry.last,
                _ => kept.push_back(entry),
            }
        }
        self.entries = kept;
    }

    /// The offset to go on from after a restart: the first open one, or the one after all.
    pub(in crate::consumer) fn position(&self) -> Option<i64> {
        self.first_open().or(self.next)
    }

    /// The first offset that is open.
    pub(in crate::consumer) fn first_open(&self) -> Option<i64> {
        self.entries.front().map(|front| front.first)
    }

    /// The offset after the last one taken.
    pub(in crate::consumer) fn next(&self) -> Option<i64> {
        self.next
    }

    /// What is done behind the first open one, in order.
    pub(in crate::consumer) fn ahead(&self) -> impl Iterator<Item = OffsetRange> + '_ {
        let mut entries = self.entries.iter().peekable();
        let done = std::iter::from_fn(move || {
            let first = entries.find(|entry| entry.done)?;
            let mut last = first;
            while let Some(next) = entries.next_if(|entry| entry.done) {
                last = next;
            }
            Some((first.first, last.last + 1))
        });
        let next = self.next.unwrap_or_default();
        let restored = self
            .ahead
            .iter()
            .map(move |span| (span.0.max(next), span.1));
        done.chain(restored.filter(|span| span.0 < span.1))
    }

    /// Whether it is past all that was done before a restart.
    pub(in crate::consumer) fn is_past_restart(&self) -> bool {
        let next = self.next.unwrap_or_default();
        self.ahead.back().is_none_or(|span| span.1 <= next)
    }

    /// Whether the offset was done before a restart.
    fn was_done(&mut self, offset: i64) -> bool {
        while self.ahead.front().is_some_and(|span| span.1 <= offset) {
            self.ahead.pop_front();
        }
        self.ahead.front().is_some_and(|span| span.0 <= offset)
    }

    fn is_known(&self, offset: i64) -> bool {
        self.next.is_some_and(|next| offset < next)
    }

    fn push_done(&mut self, offset: i64) {
        self.next = Some(offset + 1);
        match self.entries.back_mut() {
            None => {}
            Some(last) if last.done => last.last = offset,
            Some(_) => self.entries.push_back(Entry {
                first: offset,
                last: offset,
                done: true,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Offsets with holes, and an order in which they finish.
    fn offsets_and_order() -> impl Strategy<Value = (Vec<i64>, Vec<i64>)> {
        let some = prop::collection::btree_set(0i64..500, 1..60);
        // More than are kept apart, so that they are put together while some are open.
        let many = prop::collection::btree_set(0i64..2_000, 4 * FEW..6 * FEW);
        prop_oneof![some, many].prop_flat_map(|offsets| {
            let offsets: Vec<i64> = offsets.into_iter().collect();
            let order = Just(offsets.clone()).prop_shuffle();
            (Just(offsets), order)
        })
    }

    fn is_in(spans: &[OffsetRange], offset: i64) -> bool {
        spans.iter().any(|span| (span.0..span.1).contains(&offset))
    }

    proptest! {
        #[test]
        fn position_and_what_is_ahead_are_exactly_what_is_done((offsets, order) in offsets_and_order(), stop in any::<prop::sample::Index>()) {
            let mut tracker = OffsetTracker::default();
            for offset in &offsets {
                prop_assert_eq!(tracker.take(*offset), Taken::Open);
            }
            let mut open: BTreeSet<i64> = offsets.iter().copied().collect();
            for offset in &order[..stop.index(order.len() + 1)] {
                tracker.complete(*offset);
                open.remove(offset);
                prop_assert_eq!(tracker.open, open.len());
            }
            let end = *offsets.last().unwrap() + 1;
            let position = tracker.position().unwrap();
            prop_assert_eq!(position, open.first().copied().unwrap_or(end));
            let ahead: Vec<OffsetRange> = tracker.ahead().collect();
            for offset in offsets.iter().filter(|offset| **offset >= position) {
                prop_assert_eq!(is_in(&ahead, *offset), !open.contains(offset));
            }
            prop_assert!(ahead.len() <= open.len());
            // After a restart exactly what was open is open.
            let ahead = tracker.ahead().collect();
            let mut again = OffsetTracker::resume(tracker.position().unwrap(), ahead);
            let from = again.position().unwrap();
            for offset in offsets.iter().filter(|offset| **offset >= from) {
                let expected = if open.contains(offset) { Taken::Open } else { Taken::DoneBefore };
                prop_assert_eq!(again.take(*offset), expected);
            }
        }
    }

    #[test]
    fn what_is_done_behind_one_that_is_open_takes_no_memory_of_its_own() {
        let mut tracker = OffsetTracker::default();
        for offset in 0..100_000 {
            tracker.take(offset);
            if offset > 0 {
                tracker.complete(offset);
            }
            assert!(tracker.entries.len() <= FEW + 1);
        }
        assert_eq!(tracker.ahead().collect::<Vec<_>>(), [(1, 100_000)]);
        tracker.complete(0);
        assert_eq!(tracker.position(), Some(100_000));
        assert!(tracker.entries.is_empty());
    }

    #[test]
    fn an_offset_seen_again_is_not_taken_twice() {
        let mut tracker = OffsetTracker::default();
        assert_eq!(tracker.take(5), Taken::Open);
        assert_eq!(tracker.take(5), Taken::Known);
        assert_eq!(tracker.take(4), Taken::Known);
        assert_eq!(tracker.take(9), Taken::Open);
        tracker.complete(9);
        assert_eq!(tracker.position(), Some(5));
        tracker.complete(5);
        assert_eq!(tracker.position(), Some(10));
    }

    #[test]
    fn what_needs_no_work_moves_the_position_too_but_not_past_what_is_open() {
        let mut tracker = OffsetTracker::default();
        assert!(tracker.skip(0));
        assert_eq!(tracker.position(), Some(1));
        assert_eq!(tracker.take(1), Taken::Open);
        for offset in 2..1000 {
            assert!(tracker.skip(offset));
        }
        assert_eq!(tracker.position(), Some(1));
        assert_eq!(tracker.entries.len(), 2, "a thousand done are one entry");
        tracker.complete(1);
        assert_eq!(tracker.position(), Some(1000));
    }

    #[test]
    fn what_was_done_before_a_restart_is_told_once_while_it_comes_by() {
        let mut tracker = OffsetTracker::resume(0, vec![(5, 20), (30, 40)]);
        for offset in 0..10 {
            tracker.take(offset);
        }
        let ahead: Vec<OffsetRange> = tracker.ahead().collect();
        assert_eq!(ahead, [(5, 10), (10, 20), (30, 40)]);
    }
}
