//! What is asked for of parked sequences, and what came of it.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

use crate::{
    dlq::{
        DeadLetterError,
        command::{MAX_REASON, check_by, check_text},
        parked::{MarkKind, ParkedFilter, SequencePlace},
    },
    log_format::parked_state::Queue,
};

/// The sequences a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParkedSelection {
    /// These.
    Sequences(Vec<SequencePlace>),
    /// Those that fit; with an empty filter all.
    Matching(ParkedFilter),
}

impl From<SequencePlace> for ParkedSelection {
    fn from(place: SequencePlace) -> Self {
        Self::Sequences(vec![place])
    }
}

/// Who asks, and why.
#[derive(Clone, Debug)]
#[must_use]
pub struct ParkedOrders {
    pub(super) by: String,
    pub(super) reason: Option<String>,
    pub(super) head: Option<i64>,
    pub(super) dry_run: bool,
}

impl ParkedOrders {
    /// By this person.
    pub fn by(name: impl Into<String>) -> Self {
        Self {
            by: name.into(),
            reason: None,
            head: None,
            dry_run: false,
        }
    }

    /// Why it is done; a discard wants to know.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Only if the head is still the record at this offset of the parked topic.
    pub fn if_head(mut self, offset: i64) -> Self {
        self.head = Some(offset);
        self
    }

    /// Only says what would be done.
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    pub(super) fn check(&self) -> Result<(), DeadLetterError> {
        check_by(&self.by)?;
        let reason = self.reason.as_ref();
        reason.map_or(Ok(()), |reason| check_text("reason", reason, MAX_REASON))
    }

    pub(super) fn check_reason(&self) -> Result<(), DeadLetterError> {
        check_text(
            "reason",
            self.reason.as_deref().unwrap_or_default(),
            MAX_REASON,
        )
    }

    /// Why a sequence is not treated so.
    pub(super) fn objection(&self, kind: &MarkKind, queue: &Queue) -> Option<ParkedOutcome> {
        let head = queue.head().offset;
        if self.head.is_some_and(|wanted| wanted != head) {
            return Some(ParkedOutcome::OtherHead { head });
        }
        let is_again = *kind == MarkKind::Release && queue.is_releasing;
        is_again.then_some(ParkedOutcome::Releasing)
    }
}

/// What a command did, or in a dry run would do.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParkedReport {
    /// The id of the command's marks.
    pub id: Uuid,
    /// Whether nothing was done.
    pub dry_run: bool,
    /// The sequences meant.
    pub sequences: Vec<TreatedSequence>,
    /// Why the command ended early: what follows was not looked at.
    pub interrupted: Option<String>,
}

impl ParkedReport {
    pub(super) fn new(id: Uuid, dry_run: bool) -> Self {
        Self {
            id,
            dry_run,
            sequences: Vec::new(),
            interrupted: None,
        }
    }

    /// With how many sequences it did what it was told, or in a dry run would.
    pub fn done(&self) -> usize {
        let outcomes = self.sequences.iter().map(|treated| &treated.outcome);
        outcomes
            .filter(|outcome| **outcome == ParkedOutcome::Done)
            .count()
    }

    /// Whether every sequence meant was treated so.
    pub fn is_complete(&self) -> bool {
        self.interrupted.is_none() && self.done() == self.sequences.len()
    }
}

/// One sequence, and what came of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TreatedSequence {
    /// The sequence.
    pub place: SequencePlace,
    /// How many records were parked of it.
    pub records: usize,
    /// The head's offset in the parked topic.
    pub head: i64,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: ParkedOutcome,
}

/// What came of one sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum ParkedOutcome {
    /// It was released, or its head discarded; or in a dry run would be.
    Done,
    /// It was released before, and goes on.
    Releasing,
    /// Its head is another than was meant.
    OtherHead {
        /// The head's offset in the parked topic.
        head: i64,
    },
    /// The broker did not say that it has the mark. It may; the same again does no harm to a release.
    Unsure {
        /// What went wrong.
        error: String,
    },
}

impl fmt::Display for ParkedOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Releasing => f.write_str("released before, and goes on"),
            Self::OtherHead { head } => {
                write!(f, "its head is at offset {head} now: look at it first")
            }
            Self::Unsure { error } => write!(f, "not acknowledged: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let field = |checked: Result<(), DeadLetterError>| match checked {
            Err(DeadLetterError::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(field(ParkedOrders::by(" ").check()), "by");
        assert_eq!(
            field(ParkedOrders::by("ann").reason("a\nb").check()),
            "reason"
        );
        assert_eq!(field(ParkedOrders::by("ann").check_reason()), "reason");
        assert!(ParkedOrders::by("ann").check().is_ok());
    }
}
