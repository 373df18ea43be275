//! One partition looked through: which letters are meant, and what was done with them.
//!
//! An act lies behind its letter, so what is open is known only at the end. The first pass folds the acts
//! and keeps the offsets of letters that fit; the second reads those letters.

use crate::{
    BusError,
    dlq::{
        DeadLetterError,
        audit::{Act, States},
        filter::DeadLetterFilter,
        letter::DeadLetter,
        reader::{Reader, Span},
    },
    log_format::location::DeadLetterLocation,
    log_reader::LogRecord,
};

/// A letter and its record.
pub(super) struct Picked {
    pub(super) letter: DeadLetter,
    pub(super) logged: LogRecord,
}

pub(super) struct Survey {
    topic: String,
    partition: i32,
    pub(super) states: States,
    /// The offsets of the letters meant, ascending.
    pub(super) chosen: Vec<i64>,
    /// Everything before this offset was looked at.
    end: i64,
}

impl Survey {
    /// The letters that fit, behind `after` if that is in this partition; at most `limit`.
    pub(super) async fn matching(
        reader: &Reader,
        (topic, partition): (&str, i32),
        filter: &DeadLetterFilter,
        after: Option<&DeadLetterLocation>,
        limit: usize,
    ) -> Result<Self, DeadLetterError> {
        let after = after.filter(|after| after.topic == topic && after.partition == partition);
        let mut from = after.map_or(0, |after| after.offset + 1);
        if let Some(time) = filter.from {
            // A letter is written after its failure, by the same clock.
            match reader.offset_at(topic, partition, time).await? {
                Some(offset) => from = from.max(offset),
                None => from = i64::MAX,
            }
        }
        let fits = |letter: &DeadLetter| filter.fits(letter);
        let mut survey = Self::of(reader, (topic, partition), from, fits).await?;
        let states = &survey.states;
        let is_meant = |offset: &i64| filter.state.is_none_or(|state| states.of(*offset) == state);
        survey.chosen.retain(is_meant);
        survey.chosen.truncate(limit);
        Ok(survey)
    }

    /// These letters, whatever their state; at most `limit`.
    ///
    /// # Errors
    /// One of them is none.
    pub(super) async fn letters(
        reader: &Reader,
        (topic, partition): (&str, i32),
        offsets: &[i64],
        limit: usize,
    ) -> Result<Self, DeadLetterError> {
        let first = offsets.iter().copied().min().unwrap_or_default();
        let is_meant = |letter: &DeadLetter| offsets.contains(&letter.place.offset);
        let mut survey = Self::of(reader, (topic, partition), first, is_meant).await?;
        let found = survey.chosen.clone();
        survey.chosen.truncate(limit);
        match offsets.iter().find(|offset| !found.contains(offset)) {
            None => Ok(survey),
            Some(offset) => Err(DeadLetterError::NotFound(DeadLetterLocation {
                topic: topic.to_owned(),
                partition,
                offset: *offset,
            })),
        }
    }

    async fn of(
        reader: &Reader,
        (topic, partition): (&str, i32),
        from: i64,
        fits: impl Fn(&DeadLetter) -> bool,
    ) -> Result<Self, DeadLetterError> {
        let (low, end) = reader.marks(topic, partition).await?;
        let mut survey = Self {
            topic: topic.to_owned(),
            partition,
            states: States::default(),
            chosen: Vec::new(),
            end,
        };
        let mut span = Span::new(topic, partition, from.max(low), end);
        loop {
            let piece = reader.piece(&mut span).await?;
            if piece.is_empty() {
                return Ok(survey);
            }
            for logged in &piece {
                match Act::of(topic, logged) {
                    Some(act) => survey.states.note(&act),
                    None if fits(&DeadLetter::of(
                        topic,
                        logged,
                        survey.states.of(logged.offset),
                    )) =>
                    {
                        survey.chosen.push(logged.offset);
                    }
                    None => {}
                }
            }
        }
    }

    /// What the second pass reads.
    pub(super) fn span(&self) -> Span {
        let from = self.chosen.first().copied().unwrap_or(self.end);
        let to = self.chosen.last().map_or(self.end, |last| last + 1);
        Span::new(&self.topic, self.partition, from, to)
    }

    /// The next chosen letters of the second pass; `None` at its end.
    pub(super) async fn next(
        &self,
        reader: &Reader,
        span: &mut Span,
    ) -> Result<Option<Vec<Picked>>, BusError> {
        loop {
            let piece = reader.piece(span).await?;
            if piece.is_empty() {
                return Ok(None);
            }
            let chosen = piece
                .into_iter()
                .filter(|logged| self.chosen.binary_search(&logged.offset).is_ok());
            let picked: Vec<Picked> = chosen
                .map(|logged| Picked {
                    letter: DeadLetter::of(&self.topic, &logged, self.states.of(logged.offset)),
                    logged,
                })
                .collect();
            if !picked.is_empty() {
                return Ok(Some(picked));
            }
        }
    }

    /// Folds the acts that were written since the partition was looked through.
    pub(super) async fn catch_up(&mut self, reader: &Reader) -> Result<(), BusError> {
        let (_, end) = reader.marks(&self.topic, self.partition).await?;
        let mut span = Span::new(&self.topic, self.partition, self.end, end);
        loop {
            let piece = reader.piece(&mut span).await?;
            if piece.is_empty() {
                self.end = end;
                return Ok(());
            }
            let acts = piece
                .iter()
                .filter_map(|logged| Act::of(&self.topic, logged));
            acts.for_each(|act| self.states.note(&act));
        }
    }
}
