//! One partition of a parked topic looked through.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use time::OffsetDateTime;

use crate::{
    BusError,
    dlq::{
        letter::{DeadLetter, DeadLetterState, pairs},
        parked::{Mark, ParkedSequence, Sequence, SequencePlace},
        reader::{Reader, Span},
    },
    log_format::{parked_mark::Written, parked_state::Fold},
    log_reader::LogRecord,
};

/// Marks shown of one sequence.
const MAX_MARKS: usize = 100;
/// Records between two that are wanted, which are read rather than jumped over.
const GAP: i64 = 1_000;

pub(super) struct Survey {
    topic: String,
    partition: i32,
    pub(super) fold: Fold,
    low: i64,
    end: i64,
}

impl Survey {
    pub(super) async fn of(reader: &Reader, topic: &str, partition: i32) -> Result<Self, BusError> {
        let (low, end) = reader.marks(topic, partition).await?;
        let mut survey = Self {
            topic: topic.to_owned(),
            partition,
            fold: Fold::default(),
            low,
            end,
        };
        let mut span = Span::new(topic, partition, low, end);
        loop {
            let piece = reader.piece(&mut span).await?;
            if piece.is_empty() {
                return Ok(survey);
            }
            for logged in piece {
                if let Some(written) = Written::of(logged.key.as_deref(), pairs(&logged)) {
                    survey.fold.note(logged.offset, &written);
                }
            }
        }
    }

    pub(super) fn is_of(&self, place: &SequencePlace) -> bool {
        place.topic == self.topic && place.partition == self.partition
    }

    /// The sequences parked, by name.
    pub(super) fn places(&self) -> Vec<SequencePlace> {
        let places = self.fold.iter().map(|(sequence, _)| SequencePlace {
            topic: self.topic.clone(),
            partition: self.partition,
            sequence: sequence.clone(),
        });
        places.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Those of the places where something is parked, with their heads.
    pub(super) async fn sequences(
        &self,
        reader: &Reader,
        places: &[SequencePlace],
    ) -> Result<Vec<ParkedSequence>, BusError> {
        let queues = || {
            places
                .iter()
                .filter_map(|place| Some((place, self.fold.get(&place.sequence)?)))
        };
        let wanted = queues().flat_map(|(_, queue)| [Some(queue.head().offset), queue.failed]);
        let found = self.find(reader, &wanted.flatten().collect()).await?;
        let sequences = queues().filter_map(|(place, queue)| {
            let head = found.get(&queue.head().offset)?;
            let (since, head) = (head.at, head.letter.clone());
            Some(ParkedSequence {
                place: place.clone(),
                topic: head.original_topic.clone(),
                group: head.group.clone(),
                tenant: Sequence::read(&place.sequence).tenant,
                records: queue.entries.len(),
                since,
                is_releasing: queue.is_releasing,
                failed: queue
                    .failed
                    .and_then(|offset| found.get(&offset)?.mark.clone()),
                head,
            })
        });
        Ok(sequences.collect())
    }

    /// The first records of a sequence.
    pub(super) async fn records(
        &self,
        reader: &Reader,
        sequence: &str,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, BusError> {
        let queue = self.fold.get(sequence);
        let entries = queue.map_or_else(Vec::new, |queue| queue.after(-1, limit));
        let wanted = entries.iter().map(|entry| entry.offset).collect();
        let found = self.find(reader, &wanted).await?;
        Ok(found.into_values().map(|found| found.letter).collect())
    }

    /// What was done with a sequence; the newest marks.
    pub(super) async fn marks(
        &self,
        reader: &Reader,
        sequence: &str,
    ) -> Result<Vec<Mark>, BusError> {
        let mut span = Span::new(&self.topic, self.partition, self.low, self.end);
        let mut marks = VecDeque::new();
        loop {
            let piece = reader.piece(&mut span).await?;
            if piece.is_empty() {
                return Ok(marks.into());
            }
            let of = piece
                .iter()
                .filter_map(Mark::of)
                .filter(|mark| mark.sequence == sequence);
            for mark in of {
                marks.push_back(mark);
                if marks.len() > MAX_MARKS {
                    marks.pop_front();
                }
            }
        }
    }

    /// What is told at these offsets; the values are left out.
    async fn find(
        &self,
        reader: &Reader,
        wanted: &BTreeSet<i64>,
    ) -> Result<BTreeMap<i64, Found>, BusError> {
        let mut found = BTreeMap::new();
        let mut wanted = wanted.iter().copied().peekable();
        while let Some(first) = wanted.next() {
            let (mut last, mut near) = (first, BTreeSet::from([first]));
            while let Some(next) = wanted.next_if(|next| next - last <= GAP) {
                near.insert(next);
                last = next;
            }
            let mut span = Span::new(&self.topic, self.partition, first, last + 1);
            loop {
                let piece = reader.piece(&mut span).await?;
                if piece.is_empty() {
                    break;
                }
                let of = piece
                    .into_iter()
                    .filter(|logged| near.contains(&logged.offset));
                found.extend(of.map(|logged| (logged.offset, self.told(&logged))));
            }
        }
        Ok(found)
    }

    fn told(&self, logged: &LogRecord) -> Found {
        Found {
            letter: DeadLetter::of(&self.topic, logged, DeadLetterState::Open),
            mark: Mark::of(logged),
            at: written_at(logged),
        }
    }
}

/// A record of a parked topic: a mark, if it is one.
struct Found {
    letter: DeadLetter,
    mark: Option<Mark>,
    at: Option<OffsetDateTime>,
}

fn written_at(logged: &LogRecord) -> Option<OffsetDateTime> {
    let nanoseconds = i128::from(logged.timestamp?) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()
}
