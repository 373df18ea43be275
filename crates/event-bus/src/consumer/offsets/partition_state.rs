//! How far one assignment of a partition is: the log as it is read, and the keys that are behind it.
//!
//! A key whose share of what may be in flight is used up does not stop the others: it falls *behind*. Reading goes on
//! without its records; a second reader brings them, as the key gets on, until it has caught up.

use std::sync::Arc;

use crate::consumer::{
    offsets::{
        completed_offsets::{CompletedOffsets, LaggingKey},
        tracker::{OffsetRange, OffsetTracker, Taken},
    },
    scheduling::ordering_key::{KeyRegistry, OrderingKey},
};

/// KeyRegistry that may be behind in one partition.
const MAX_LAGGING: usize = 16;
/// A longer key cannot fall behind: it would not fit beside the offset.
const LONGEST_KEY: usize = 64;

/// Which of a partition's readers brought a record, and so where its end is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::consumer) enum ReadPath {
    Primary,
    CatchUp,
}

/// What a partition knows of its records.
#[derive(Default)]
pub(in crate::consumer) struct PartitionState {
    primary: OffsetTracker,
    behind: Vec<LaggingState>,
    /// The offset last handed out for committing, and its text.
    committed: Option<(i64, String)>,
    /// Whether the primary reader brought a record.
    arrived: bool,
}

/// A key that is behind, or was and has work left from that time.
struct LaggingState {
    key: Arc<OrderingKey>,
    /// From here on its records are not the primary reader's.
    from: i64,
    /// Its records before this offset were taken.
    next: i64,
    tracker: OffsetTracker,
    /// From here on they are the primary reader's again.
    until: Option<i64>,
    /// What its tracker says is done is known to be so up to here: beyond, the primary reader had its turn.
    exact: Option<i64>,
    /// Records the primary reader went past.
    skipped: u64,
}

impl LaggingState {
    fn is_behind(&self) -> bool {
        self.until.is_none()
    }

    /// The first offset it still needs.
    fn first_open(&self) -> Option<i64> {
        let next = self.is_behind().then_some(self.next);
        self.tracker.first_open().or(next)
    }

    fn known_done(&self) -> Vec<OffsetRange> {
        let end = self.exact.unwrap_or(i64::MAX);
        let spans = self.tracker.ahead();
        let known = spans.map(|span| (span.0, span.1.min(end)));
        known.filter(|span| span.0 < span.1).collect()
    }
}

impl PartitionState {
    /// Goes on after a restart at the committed offset, with the text that was kept beside it.
    pub(in crate::consumer) fn resume(committed: i64, text: &str, keys: &mut KeyRegistry) -> Self {
        let Some(ahead) = CompletedOffsets::decode(committed, text) else {
            return Self {
                primary: OffsetTracker::resume(committed, Vec::new()),
                ..Self::default()
            };
        };
        let behind = ahead.behind.into_iter().map(|behind| LaggingState {
            key: keys.get(&behind.key),
            from: behind.from,
            next: behind.from,
            tracker: OffsetTracker::resume(behind.from, behind.done),
            until: None,
            exact: None,
            skipped: 0,
        });
        Self {
            behind: behind.collect(),
            primary: OffsetTracker::resume(ahead.at, ahead.done),
            committed: Some((committed, text.to_owned())),
            arrived: false,
        }
    }

    /// Begins where no offset was committed.
    pub(in crate::consumer) fn begin(offset: i64) -> Self {
        Self {
            primary: OffsetTracker::resume(offset, Vec::new()),
            ..Self::default()
        }
    }

    /// The primary reader brings the record at `offset`. False when its first one lies before where it was told to begin:
    /// the log is not the one that was read (made anew, or cut by a broker's loss), and what was known of it is void.
    pub(in crate::consumer) fn arrive(&mut self, offset: i64) -> bool {
        let first = !std::mem::replace(&mut self.arrived, true);
        if first && self.primary.next().is_some_and(|next| offset < next) {
            *self = Self {
                arrived: true,
                ..Self::begin(offset)
            };
            return false;
        }
        true
    }

    /// The offset to read from.
    pub(in crate::consumer) fn read_from(&self) -> Option<i64> {
        self.primary.position()
    }

    /// Whether the record at `offset` is left to the key's own reader. Then it was noted.
    pub(in crate::consumer) fn defer(&mut self, offset: i64, key: &Arc<OrderingKey>) -> bool {
        let Some(behind) = find(&mut self.behind, key) else {
            return false;
        };
        if !behind.is_behind() || offset < behind.from {
            return false;
        }
        if self.primary.skip(offset) {
            behind.skipped += 1;
        }
        true
    }

    /// Leaves the key's records to a reader of their own from `offset` on, which the primary one is about to take. False when that cannot be
    /// noted.
    pub(in crate::consumer) fn mark_lagging(
        &mut self,
        offset: i64,
        key: &Arc<OrderingKey>,
    ) -> bool {
        if let Some(behind) = find(&mut self.behind, key) {
            // It caught up before, and has work left from then.
            if let Some(until) = behind.until.take() {
                behind.exact.get_or_insert(until);
                (behind.from, behind.next) = (offset, offset);
            }
            return true;
        }
        let fits = key.name.len() <= LONGEST_KEY
            && self.behind.len() < MAX_LAGGING
            && CompletedOffsets::has_room(self.behind.len(), LONGEST_KEY);
        if fits {
            self.behind.push(LaggingState {
                key: Arc::clone(key),
                from: offset,
                next: offset,
                tracker: OffsetTracker::resume(offset, Vec::new()),
                until: None,
                exact: None,
                skipped: 0,
            });
        }
        fits
    }

    /// Takes a record for work, brought by the primary reader.
    pub(in crate::consumer) fn take(&mut self, offset: i64) -> Taken {
        self.primary.take(offset)
    }

    /// Takes a record that needs no work.
    pub(in crate::consumer) fn skip(&mut self, offset: i64) -> bool {
        self.primary.skip(offset)
    }

    /// A record's work is finished.
    pub(in crate::consumer) fn complete(
        &mut self,
        offset: i64,
        path: ReadPath,
        key: &Arc<OrderingKey>,
    ) {
        match path {
            ReadPath::Primary => self.primary.complete(offset),
            ReadPath::CatchUp => {
                if let Some(behind) = find(&mut self.behind, key) {
                    behind.tracker.complete(offset);
                    if behind
                        .tracker
                        .first_open()
                        .is_none_or(|open| open >= behind.from)
                    {
                        behind.exact = None;
                    }
                }
                self.forget_caught_up();
            }
        }
    }

    /// The offset after the last one the primary reader has seen.
    pub(in crate::consumer) fn seen(&self) -> Option<i64> {
        self.primary.next()
    }

    /// Where the second reader, which is `at` if it is anywhere, should go on; `None` when there is nothing to bring.
    ///
    /// It goes on while a key that has room is still before it, and comes back for the others afterwards, when each
    /// has worked off enough (`is_low`): so none waits for another's flood.
    pub(in crate::consumer) fn wanted(
        &self,
        at: Option<i64>,
        has_room: impl Fn(&OrderingKey) -> bool,
        is_low: impl Fn(&OrderingKey) -> bool,
    ) -> Option<i64> {
        let seen = self.seen()?;
        let waiting = || {
            let behind = self.behind.iter();
            behind.filter(move |behind| behind.is_behind() && behind.next < seen)
        };
        if let Some(at) = at
            && at < seen
            && waiting().any(|behind| behind.next >= at && has_room(&behind.key))
        {
            return Some(at);
        }
        let low = waiting().filter(|behind| is_low(&behind.key));
        low.map(|behind| behind.next).min()
    }

    /// The second reader, having seen everything from `since` on, is at the record at `offset`. Whether to take it.
    ///
    /// KeyRegistry with no record from `since` to here are that much further. `takes` says whether there is room.
    pub(in crate::consumer) fn bring(
        &mut self,
        (since, offset): OffsetRange,
        key: &Arc<OrderingKey>,
        takes: impl Fn(&OrderingKey) -> bool,
    ) -> Option<Taken> {
        let mut brought = None;
        for behind in &mut self.behind {
            // Whoever is not at this stretch was further already, or has to be come back to.
            if !behind.is_behind() || behind.next < since || behind.next > offset {
                continue;
            }
            if !Arc::ptr_eq(&behind.key, key) {
                behind.next = offset + 1;
            } else if takes(key) {
                behind.next = offset + 1;
                behind.skipped = behind.skipped.saturating_sub(1);
                brought = Some(behind.tracker.take(offset));
            } else {
                // Not beyond this one; what lies before it was seen.
                behind.next = offset;
            }
        }
        self.catch_up();
        brought
    }

    /// KeyRegistry that have nothing before where the primary reader is, are with it again.
    pub(in crate::consumer) fn catch_up(&mut self) {
        let Some(seen) = self.seen() else {
            return;
        };
        // What the primary reader notes as done includes what it left to others. After a restart it cannot tell any more.
        if !self.primary.is_past_restart() {
            return;
        }
        for behind in &mut self.behind {
            if behind.is_behind() && behind.next >= seen && !behind.key.is_paused() {
                behind.until = Some(seen);
                behind.skipped = 0;
            }
        }
        self.forget_caught_up();
    }

    fn forget_caught_up(&mut self) {
        self.behind
            .retain(|behind| behind.is_behind() || behind.tracker.first_open().is_some());
    }

    /// The offset to commit and the text to keep beside it, if either changed since last asked.
    pub(in crate::consumer) fn take_commit(&mut self) -> Option<(i64, String)> {
        let now = self.snapshot()?;
        if self.committed.as_ref() == Some(&now) {
            return None;
        }
        self.committed = Some(now.clone());
        Some(now)
    }

    /// What was handed out was not committed.
    pub(in crate::consumer) fn not_committed(&mut self) {
        self.committed = None;
    }

    /// The offset everything before which is done.
    pub(in crate::consumer) fn position(&self) -> Option<i64> {
        let primary = self.primary.position()?;
        let behind = self.behind.iter().filter_map(LaggingState::first_open);
        Some(behind.fold(primary, i64::min))
    }

    fn snapshot(&self) -> Option<(i64, String)> {
        let base = self.position()?;
        let behind = self.behind.iter().filter_map(|behind| {
            Some(LaggingKey {
                key: behind.key.name.clone(),
                from: behind.first_open()?,
                done: behind.known_done(),
            })
        });
        let ahead = CompletedOffsets {
            at: self.primary.position()?,
            done: self.primary.ahead().collect(),
            behind: behind.collect(),
        };
        Some((base, ahead.encode(base)))
    }

    /// KeyRegistry that are behind, with the number of records left behind for each.
    pub(in crate::consumer) fn behind(&self) -> impl Iterator<Item = (&Arc<OrderingKey>, u64)> {
        let behind = self.behind.iter().filter(|behind| behind.is_behind());
        behind.map(|behind| (&behind.key, behind.skipped))
    }
}

fn find<'a>(
    behind: &'a mut [LaggingState],
    key: &Arc<OrderingKey>,
) -> Option<&'a mut LaggingState> {
    behind
        .iter_mut()
        .find(|behind| Arc::ptr_eq(&behind.key, key))
}

#[cfg(test)]
mod tests;
