//! Where a dead letter lies.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{BusError, DEAD_LETTER_SUFFIX};

/// A dead letter's place, written `order.events.dlq/3/17`. It is the letter's name: it never changes and is
/// never given to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct DeadLetterLocation {
    /// The dead-letter topic without prefix.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// The offset there.
    pub offset: i64,
}

impl fmt::Display for DeadLetterLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.topic, self.partition, self.offset)
    }
}

impl From<DeadLetterLocation> for String {
    fn from(place: DeadLetterLocation) -> Self {
        place.to_string()
    }
}

impl TryFrom<String> for DeadLetterLocation {
    type Error = BusError;

    fn try_from(text: String) -> Result<Self, BusError> {
        text.parse()
    }
}

impl FromStr for DeadLetterLocation {
    type Err = BusError;

    fn from_str(text: &str) -> Result<Self, BusError> {
        let parts: Vec<&str> = text.split('/').collect();
        let place = match parts[..] {
            [topic, partition, offset] if is_dead_letter_topic(topic) => partition
                .parse::<i32>()
                .ok()
                .zip(offset.parse::<i64>().ok())
                .filter(|(partition, offset)| *partition >= 0 && *offset >= 0)
                .map(|(partition, offset)| Self {
                    topic: topic.to_owned(),
                    partition,
                    offset,
                }),
            _ => None,
        };
        place.ok_or_else(|| {
            BusError::Settings(format!(
                "{text:?} is no place of a dead letter; one is written TOPIC{DEAD_LETTER_SUFFIX}/PARTITION/OFFSET, \
                 as order.events{DEAD_LETTER_SUFFIX}/3/17"
            ))
        })
    }
}

fn is_dead_letter_topic(topic: &str) -> bool {
    topic.len() > DEAD_LETTER_SUFFIX.len()
        && topic.ends_with(DEAD_LETTER_SUFFIX)
        && topic
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(topic in "[a-z][a-z0-9._-]{0,30}", partition in 0..i32::MAX, offset in 0..i64::MAX) {
            let place = DeadLetterLocation { topic: format!("{topic}.dlq"), partition, offset };
            prop_assert_eq!(place.to_string().parse::<DeadLetterLocation>().unwrap(), place);
        }

        #[test]
        fn nothing_else_is_a_place(text in ".{0,40}") {
            if let Ok(place) = text.parse::<DeadLetterLocation>() {
                prop_assert!(place.topic.ends_with(DEAD_LETTER_SUFFIX) && place.partition >= 0 && place.offset >= 0);
            }
        }
    }

    #[test]
    fn a_wrong_place_is_told_how_it_is_written() {
        for wrong in [
            "order.events/3/17",
            "order.events.dlq/3",
            ".dlq/0/0",
            "a.dlq/-1/0",
            "a.dlq/0/x",
            "a b.dlq/0/0",
        ] {
            let error = wrong.parse::<DeadLetterLocation>().unwrap_err().to_string();
            assert!(error.contains("order.events.dlq/3/17"), "{error}");
        }
    }
}
