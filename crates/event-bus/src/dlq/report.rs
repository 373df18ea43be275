//! What came of a command, letter by letter.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

use crate::{
    dlq::letter::{DeadLetter, DeadLetterState},
    log_format::location::DeadLetterLocation,
};

/// What a replay or a discard did, or in a dry run would do.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The id of the command's acts.
    pub id: Uuid,
    /// Whether nothing was done.
    pub dry_run: bool,
    /// The letters meant, in the order of the log.
    pub letters: Vec<Treated>,
    /// The limit was reached: go on behind this place for the rest, if there is one.
    pub next: Option<DeadLetterLocation>,
    /// Why the command ended early: what follows in the log was not looked at.
    pub interrupted: Option<String>,
}

impl Report {
    pub(super) fn new(id: Uuid, dry_run: bool) -> Self {
        Self {
            id,
            dry_run,
            letters: Vec::new(),
            next: None,
            interrupted: None,
        }
    }

    /// How many letters it did what it was told with, or in a dry run would.
    pub fn done(&self) -> usize {
        let outcomes = self.letters.iter().map(|treated| &treated.outcome);
        outcomes.filter(|outcome| outcome.is_done()).count()
    }

    /// Whether every letter meant was treated so.
    pub fn is_complete(&self) -> bool {
        self.interrupted.is_none() && self.done() == self.letters.len()
    }
}

/// One letter, and what came of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Treated {
    /// The letter as it was before.
    pub letter: DeadLetter,
    /// Of a replay: the topic and partition it goes to, as `order.events/3`; the key decides where the
    /// partition is gone.
    pub to: Option<String>,
    /// Of a replay: for which group; none for all.
    pub group: Option<String>,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of one letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum Outcome {
    /// It was replayed or discarded, or in a dry run would be.
    Done,
    /// Something was done with it before, or just now by somebody else.
    NotOpen {
        /// What.
        state: DeadLetterState,
    },
    /// It was replayed too often to be replayed again unforced.
    LoopStopped {
        /// How often.
        replays: u32,
    },
    /// It does not say which group failed: the group must be chosen.
    NoGroup,
    /// It was too large to be kept whole, and the original is no longer in the log.
    Gone,
    /// The log will never take it.
    Refused {
        /// Why.
        error: String,
    },
    /// The broker did not say that it has it. It may; the letter stays open, and its replay is harmless to
    /// handlers that know events by their id.
    Unsure {
        /// What went wrong.
        error: String,
    },
    /// It was replayed, and that could not be written down: the letter stays open.
    Unrecorded {
        /// What went wrong.
        error: String,
    },
}

impl Outcome {
    /// Whether it is what was wanted.
    pub fn is_done(&self) -> bool {
        *self == Self::Done
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::NotOpen { state } => write!(f, "not open: {state}"),
            Self::LoopStopped { replays } => write!(
                f,
                "replayed {replays} times already: mend its cause first, or force it"
            ),
            Self::NoGroup => f.write_str("names no group: choose one, or all groups"),
            Self::Gone => f.write_str(
                "was too large to be kept whole, and the original is no longer in the log",
            ),
            Self::Refused { error } => write!(f, "refused: {error}"),
            Self::Unsure { error } => write!(f, "not acknowledged: {error}"),
            Self::Unrecorded { error } => {
                write!(f, "replayed, but not written down as such: {error}")
            }
        }
    }
}
