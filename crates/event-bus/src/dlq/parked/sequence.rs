//! What is parked together, and where.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{BusError, Envelope, ProcessingOrder};

/// What comes after a topic's and a group's name to make the name of the topic where that group parks.
pub const PARKED_SUFFIX: &str = ".parked";
/// Stands for the tenant of an event that has none.
const NO_TENANT: &str = "-";

/// The topic where a group parks what it could not handle of a topic; all without prefix.
pub(crate) fn parked_topic(topic: &str, group: &str) -> String {
    format!("{topic}.{group}{PARKED_SUFFIX}")
}

/// Events that go one after the other: of one aggregate, written `<tenant>/<subject>` or `-/<subject>` without a tenant, or of a
/// whole tenant, written `<tenant>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sequence {
    pub(crate) tenant: Option<Uuid>,
    pub(crate) subject: Option<String>,
}

impl Sequence {
    /// The sequence of an event where that is the order.
    pub(crate) fn of(envelope: &Envelope, order: ProcessingOrder) -> Self {
        let tenant = envelope.tenant.as_ref().map(|tenant| tenant.id);
        let is_whole = order == ProcessingOrder::Tenant && tenant.is_some();
        Self {
            tenant,
            subject: (!is_whole).then(|| envelope.subject.clone()),
        }
    }

    /// The sequence that is written so; what this bus did not write is a subject without a tenant.
    pub(crate) fn read(text: &str) -> Self {
        let (tenant, subject) = match text.split_once('/') {
            Some((tenant, subject)) => (tenant, Some(subject)),
            None => (text, None),
        };
        match (tenant.parse().ok(), subject) {
            (Some(tenant), subject) => Self {
                tenant: Some(tenant),
                subject: subject.map(str::to_owned),
            },
            (None, Some(subject)) if tenant == NO_TENANT => Self {
                tenant: None,
                subject: Some(subject.to_owned()),
            },
            _ => Self {
                tenant: None,
                subject: Some(text.to_owned()),
            },
        }
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tenant {
            Some(tenant) => write!(f, "{tenant}")?,
            None => f.write_str(NO_TENANT)?,
        }
        self.subject
            .iter()
            .try_for_each(|subject| write!(f, "/{subject}"))
    }
}

/// Where a sequence is parked, written `order.events.mailer.parked/3/<tenant>/<subject>`: topic, partition, sequence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SequencePlace {
    /// The parked topic without prefix.
    pub topic: String,
    /// Its partition: that of the events.
    pub partition: i32,
    /// The sequence: `<tenant>/<subject>`, `-/<subject>`, or `<tenant>` where a tenant's events are one sequence.
    pub sequence: String,
}

impl fmt::Display for SequencePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.topic, self.partition, self.sequence)
    }
}

impl From<SequencePlace> for String {
    fn from(place: SequencePlace) -> Self {
        place.to_string()
    }
}

impl TryFrom<String> for SequencePlace {
    type Error = BusError;

    fn try_from(text: String) -> Result<Self, BusError> {
        text.parse()
    }
}

impl FromStr for SequencePlace {
    type Err = BusError;

    fn from_str(text: &str) -> Result<Self, BusError> {
        let mut parts = text.splitn(3, '/');
        let topic = parts.next().filter(|topic| is_parked_topic(topic));
        let partition = parts.next().and_then(|number| number.parse::<i32>().ok());
        let sequence = parts.next().filter(|sequence| !sequence.is_empty());
        let place = topic
            .zip(partition.filter(|number| *number >= 0))
            .zip(sequence)
            .map(|((topic, partition), sequence)| Self {
                topic: topic.to_owned(),
                partition,
                sequence: sequence.to_owned(),
            });
        place.ok_or_else(|| {
            BusError::Settings(format!(
                "{text:?} is no place of a parked sequence; one is written TOPIC.GROUP{PARKED_SUFFIX}/PARTITION/SEQUENCE, \
                 as the list shows it"
            ))
        })
    }
}

fn is_parked_topic(topic: &str) -> bool {
    topic.len() > PARKED_SUFFIX.len()
        && topic.ends_with(PARKED_SUFFIX)
        && topic
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sequence() -> impl Strategy<Value = Sequence> {
        let tenant = any::<u128>().prop_map(Uuid::from_u128);
        prop_oneof![
            (prop::option::of(tenant.clone()), ".{1,20}").prop_map(|(tenant, subject)| Sequence {
                tenant,
                subject: Some(subject)
            }),
            tenant.prop_map(|tenant| Sequence {
                tenant: Some(tenant),
                subject: None
            }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(sequence in sequence(), partition in 0..i32::MAX) {
            prop_assert_eq!(&Sequence::read(&sequence.to_string()), &sequence);
            let place = SequencePlace {
                topic: "order.events.mailer.parked".to_owned(),
                partition,
                sequence: sequence.to_string(),
            };
            prop_assert_eq!(place.to_string().parse::<SequencePlace>().unwrap(), place);
        }

        #[test]
        fn anything_may_be_given_for_one(text in ".{0,40}") {
            let _ = (Sequence::read(&text), text.parse::<SequencePlace>());
        }
    }

    #[test]
    fn a_wrong_place_is_told_how_it_is_written() {
        for wrong in [
            "order.events/3/t/s",
            "a.parked/0",
            "a.parked/0/",
            "a.parked/-1/x",
            ".parked/0/x",
        ] {
            let error = wrong.parse::<SequencePlace>().unwrap_err().to_string();
            assert!(
                error.contains("TOPIC.GROUP.parked/PARTITION/SEQUENCE"),
                "{error}"
            );
        }
    }
}
