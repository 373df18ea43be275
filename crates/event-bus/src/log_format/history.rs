//! Where a replayed record has been: one round for each time it was a dead letter.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::log_format::{
    headers::{REPLAYS, RawHeader, TRAIL, cut, text},
    location::DeadLetterLocation,
};

/// Rounds kept; the count of replays goes on.
const MAX_ROUNDS: usize = 10;
/// A round longer than this, in bytes, was not written by this bus.
const MAX_ROUND: usize = 4096;
/// Characters of the error kept in a round.
const MAX_ERROR: usize = 300;

/// One earlier time that a record was a dead letter and was replayed; header `dlq-trail`, as compact JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Round {
    /// The letter of that time.
    pub letter: DeadLetterLocation,
    /// The record that failed: topic, partition and offset, as `order.events/3/99`.
    pub original: String,
    /// The group that failed.
    pub group: String,
    /// The class of its error.
    pub class: String,
    /// Its error, cut.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it failed last.
    #[serde(with = "time::serde::rfc3339::option")]
    pub failed_at: Option<OffsetDateTime>,
    /// When it was replayed.
    #[serde(with = "time::serde::rfc3339")]
    pub replayed_at: OffsetDateTime,
    /// Who replayed it.
    pub by: String,
    /// The command that did: the id of its acts.
    pub act: Uuid,
}

/// What a record has behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Provenance {
    /// How often it was replayed.
    pub(crate) replays: u32,
    /// The newest rounds, oldest first.
    pub(crate) rounds: Vec<Round>,
}

impl Provenance {
    pub(crate) fn of<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut found = Self::default();
        for (name, value) in headers {
            match name {
                REPLAYS => {
                    let number = str::from_utf8(value)
                        .ok()
                        .and_then(|text| text.parse().ok());
                    found.replays = found.replays.max(number.unwrap_or(0));
                }
                TRAIL if value.len() <= MAX_ROUND => {
                    found.rounds.extend(serde_json::from_slice::<Round>(value));
                }
                _ => {}
            }
        }
        found.keep_newest();
        found
    }

    /// One round more.
    pub(crate) fn grow(&mut self, mut round: Round) {
        let end = cut(&round.error, MAX_ERROR).len();
        round.error.truncate(end);
        self.replays = self.replays.saturating_add(1);
        self.rounds.push(round);
        self.keep_newest();
    }

    /// Its headers; none for a record that was never replayed.
    pub(crate) fn headers(&self) -> Vec<RawHeader> {
        if self.replays == 0 {
            return Vec::new();
        }
        let rounds = self.rounds.iter();
        let rounds = rounds.filter_map(|round| serde_json::to_string(round).ok());
        [text(REPLAYS, self.replays.to_string())]
            .into_iter()
            .chain(rounds.map(|round| text(TRAIL, round)))
            .collect()
    }

    fn keep_newest(&mut self) {
        let surplus = self.rounds.len().saturating_sub(MAX_ROUNDS);
        self.rounds.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(offset: i64) -> Round {
        Round {
            letter: DeadLetterLocation {
                topic: "a.dlq".to_owned(),
                partition: 0,
                offset,
            },
            original: "a/0/1".to_owned(),
            group: "c".to_owned(),
            class: "transient".to_owned(),
            error: "ö".repeat(5000),
            attempts: 4,
            failed_at: None,
            replayed_at: OffsetDateTime::UNIX_EPOCH,
            by: "ann".to_owned(),
            act: Uuid::nil(),
        }
    }

    fn read_back(provenance: &Provenance) -> Provenance {
        let headers = provenance.headers();
        Provenance::of(
            headers
                .iter()
                .map(|(name, value)| (name.as_ref(), value.as_deref().unwrap_or_default())),
        )
    }

    #[test]
    fn rounds_are_counted_all_and_kept_the_newest() {
        let mut provenance = Provenance::default();
        assert!(provenance.headers().is_empty());
        for offset in 0..13 {
            provenance.grow(round(offset));
            provenance = read_back(&provenance);
        }
        assert_eq!(provenance.replays, 13);
        let kept: Vec<i64> = provenance
            .rounds
            .iter()
            .map(|round| round.letter.offset)
            .collect();
        assert_eq!(kept, (3..13).collect::<Vec<_>>());
        assert_eq!(provenance.rounds[0].error.chars().count(), MAX_ERROR);
    }

    #[test]
    fn what_is_no_round_is_dropped() {
        let long = vec![b'x'; 9000];
        let headers = [
            ("dlq-trail", &b"{}"[..]),
            ("dlq-trail", &long),
            ("dlq-replays", b"many"),
        ];
        assert_eq!(Provenance::of(headers), Provenance::default());
    }
}
