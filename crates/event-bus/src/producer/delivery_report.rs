//! What is said of each record of a batch, after enqueuing and the broker had their say.

use std::{collections::HashSet, hash::Hash};

use rdkafka::error::KafkaError;

use crate::producer::{PublishError, Published, batch::Outcome, record::Outgoing};

/// The result of one record.
pub(super) type Verdict = Result<Published, PublishError>;

/// Whether the broker can be said to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broker {
    Works,
    Away,
}

/// Whose fault a refusal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// Of the records that were refused.
    Own,
    /// Kafka refuses a whole batch for one record: it may be another's.
    Shared,
}

impl Blame {
    pub(super) fn of(outcomes: &[Option<Outcome>]) -> Self {
        let refused = |outcome: &Outcome| {
            let error = outcome.as_ref().err();
            error.is_some_and(|error| {
                matches!(PublishError::of_kafka(error), PublishError::Refused(_))
            })
        };
        if outcomes.len() > 1 && outcomes.iter().flatten().any(refused) {
            Self::Shared
        } else {
            Self::Own
        }
    }
}

/// The broker's word on one record.
pub(super) fn of_outcome(outcome: Outcome, record: &impl Outgoing) -> Verdict {
    outcome.map_err(|error| of_kafka(&error, record))
}

/// A partition that is not there is the fault of who chose it, and nobody's if the key did.
pub(super) fn of_kafka(error: &KafkaError, record: &impl Outgoing) -> PublishError {
    use rdkafka::error::RDKafkaErrorCode::UnknownPartition;
    match (record.partition(), error.rdkafka_error_code()) {
        (Some(partition), Some(UnknownPartition)) => PublishError::Refused(format!(
            "partition {partition}: topic {} has none of that number",
            record.topic()
        )),
        _ => PublishError::of_kafka(error),
    }
}

/// Joins what enqueuing said (`Ok`: taken) with the broker's word, so that records of one key succeed as a prefix.
pub(super) fn judge<K: Copy + Eq + Hash>(
    taken: Vec<Result<(), PublishError>>,
    outcomes: impl IntoIterator<Item = Option<Verdict>>,
    keys: impl IntoIterator<Item = K>,
) -> (Vec<Verdict>, Broker) {
    let (mut acknowledged, mut unavailable) = (false, false);
    let mut failed: HashSet<K> = HashSet::new();
    let verdict = |((taken, outcome), key)| {
        acknowledged |= matches!(outcome, Some(Ok(_)));
        let verdict = match (taken, outcome) {
            (_, Some(Err(error))) | (Err(error), _) => Err(error),
            (Ok(()), Some(Ok(_))) if failed.contains(&key) => Err(PublishError::AfterFailed),
            (Ok(()), Some(Ok(published))) => Ok(published),
            (Ok(()), None) => Err(PublishError::Unavailable(
                "not acknowledged in time".to_owned(),
            )),
        };
        if let Err(error) = &verdict {
            unavailable |= matches!(error, PublishError::Unavailable(_));
            failed.insert(key);
        }
        verdict
    };
    let verdicts = taken
        .into_iter()
        .zip(outcomes)
        .zip(keys)
        .map(verdict)
        .collect();
    let broker = if acknowledged || !unavailable {
        Broker::Works
    } else {
        Broker::Away
    };
    (verdicts, broker)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PUBLISHED: Published = Published {
        partition: 0,
        offset: 1,
    };

    fn away() -> PublishError {
        PublishError::Unavailable("purged".to_owned())
    }

    fn refused() -> PublishError {
        PublishError::Refused("too large".to_owned())
    }

    #[test]
    fn after_a_failed_record_none_of_its_key_counts_as_published() {
        let keys = ["a", "b", "a", "b", "a"];
        let outcomes = vec![
            Some(Ok(PUBLISHED)),
            Some(Err(away())),
            Some(Ok(PUBLISHED)),
            Some(Ok(PUBLISHED)),
            None,
        ];

        let (verdicts, broker) = judge(vec![Ok(()); 5], outcomes, keys);

        assert_eq!(broker, Broker::Works);
        assert!(verdicts[0].is_ok() && verdicts[2].is_ok());
        assert!(matches!(verdicts[1], Err(PublishError::Unavailable(_))));
        assert!(matches!(verdicts[3], Err(PublishError::AfterFailed)));
        assert!(matches!(verdicts[4], Err(PublishError::Unavailable(_))));
    }

    #[test]
    fn one_too_large_is_refused_and_says_nothing_of_the_broker() {
        let (verdicts, broker) = judge(vec![Ok(())], [Some(Err(refused()))], ["a"]);
        assert_eq!(broker, Broker::Works);
        assert!(!verdicts[0].as_ref().unwrap_err().is_retryable());
    }

    fn taken() -> impl Strategy<Value = Result<(), PublishError>> {
        prop_oneof![6 => Just(Ok(())), 1 => Just(Err(away())), 1 => Just(Err(refused()))]
    }

    fn outcome() -> impl Strategy<Value = Option<Verdict>> {
        prop_oneof![
            6 => Just(Some(Ok(PUBLISHED))),
            1 => Just(Some(Err(away()))),
            1 => Just(Some(Err(refused()))),
            1 => Just(None),
        ]
    }

    proptest! {
        #[test]
        fn records_of_a_key_succeed_as_a_prefix_and_only_what_was_acknowledged(
            records in proptest::collection::vec((taken(), outcome(), 0usize..3), 0..30),
        ) {
            let keys = ["a", "b", "c"];
            let (mut takes, mut outcomes, mut of) = (Vec::new(), Vec::new(), Vec::new());
            for (taken, outcome, key) in records {
                // What was not taken has no outcome.
                outcomes.push(if taken.is_ok() { outcome } else { None });
                takes.push(taken);
                of.push(keys[key]);
            }

            let (verdicts, broker) = judge(takes.clone(), outcomes.clone(), of.iter().copied());

            prop_assert_eq!(verdicts.len(), of.len());
            for key in keys {
                let of_key: Vec<bool> = verdicts.iter().zip(&of)
                    .filter(|(_, of)| **of == key).map(|(verdict, _)| verdict.is_ok()).collect();
                prop_assert!(of_key.is_sorted_by(|a, b| a >= b), "{:?}", of_key);
            }
            for (verdict, outcome) in verdicts.iter().zip(&outcomes) {
                prop_assert!(verdict.is_err() || matches!(outcome, Some(Ok(_))));
            }
            if outcomes.iter().any(|outcome| matches!(outcome, Some(Ok(_)))) {
                prop_assert_eq!(broker, Broker::Works);
            }
        }
    }
}
