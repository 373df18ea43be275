//! Finding the guilty record of a batch that Kafka refused as a whole.

use std::{collections::HashSet, hash::Hash};

use crate::producer::{
    PublishError,
    delivery_report::{Blame, Verdict},
};

/// Sends what failed again in halves, and the halves that fail again in halves, until each refused record stands
/// alone: a few round trips where one by one would take as many as there are records.
///
/// Ask for the [`Narrowing::next`] places to send, in order, and say how they [`Narrowing::ended`]. A place whose key
/// failed before is not sent again, and after the broker went away nothing is.
pub(super) struct Narrowing<'a, K> {
    keys: &'a [K],
    results: Vec<Verdict>,
    /// What is sent next lies on top.
    parts: Vec<Vec<usize>>,
    sent: Vec<usize>,
    blocked: HashSet<K>,
    away: Option<PublishError>,
}

impl<'a, K: Copy + Eq + Hash> Narrowing<'a, K> {
    /// Of these results, where `sendable` says which records can be sent at all.
    pub(super) fn of(
        keys: &'a [K],
        results: Vec<Verdict>,
        sendable: impl Fn(usize) -> bool,
    ) -> Self {
        // Behind a record that cannot be sent nothing of its key is: its word stands.
        let mut ended = HashSet::new();
        let mut failed = Vec::new();
        for (place, result) in results.iter().enumerate() {
            if !sendable(place) {
                ended.insert(keys[place]);
            } else if result.is_err() && !ended.contains(&keys[place]) {
                failed.push(place);
            }
        }
        let mut narrowing = Self {
            keys,
            results,
            parts: Vec::new(),
            sent: Vec::new(),
            blocked: HashSet::new(),
            away: None,
        };
        narrowing.halve(failed);
        narrowing
    }

    /// The places to send now.
    pub(super) fn next(&mut self) -> Option<&[usize]> {
        while let Some(part) = self.parts.pop() {
            self.sent.clear();
            for place in part {
                if self.blocked.contains(&self.keys[place]) {
                    self.results[place] = Err(PublishError::AfterFailed);
                } else if let Some(away) = &self.away {
                    self.results[place] = Err(away.clone());
                } else {
                    self.sent.push(place);
                }
            }
            if !self.sent.is_empty() {
                return Some(&self.sent);
            }
        }
        None
    }

    /// What became of the places that were sent.
    pub(super) fn ended(&mut self, verdicts: Vec<Verdict>, blame: Blame) {
        let mut again = Vec::new();
        for (place, verdict) in std::mem::take(&mut self.sent).into_iter().zip(verdicts) {
            match (&verdict, blame) {
                (Ok(_), _) => {}
                (Err(_), Blame::Shared) => again.push(place),
                (Err(error), Blame::Own) => {
                    if matches!(error, PublishError::Unavailable(_)) {
                        self.away = Some(error.clone());
                    }
                    self.blocked.insert(self.keys[place]);
                }
            }
            self.results[place] = verdict;
        }
        self.halve(again);
    }

    pub(super) fn results(self) -> Vec<Verdict> {
        self.results
    }

    fn halve(&mut self, mut places: Vec<usize>) {
        if places.len() > 1 {
            let second = places.split_off(places.len() / 2);
            self.parts.push(second);
        }
        if !places.is_empty() {
            self.parts.push(places);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::producer::{Published, delivery_report::judge};

    /// A broker that takes records in groups of `group` and refuses a group for one record that is too large.
    fn broker(
        sent: &[usize],
        keys: &[&str],
        large: &[bool],
        group: usize,
        log: &mut Vec<usize>,
    ) -> (Vec<Verdict>, Blame) {
        let mut outcomes = Vec::new();
        for group in sent.chunks(group) {
            let refused = group.iter().any(|place| large[*place]);
            for place in group {
                outcomes.push(Some(if refused {
                    Err(PublishError::Refused("too large".to_owned()))
                } else {
                    log.push(*place);
                    Ok(Published {
                        partition: 0,
                        offset: 0,
                    })
                }));
            }
            if refused {
                break; // librdkafka gives up: what is behind the gap fails with it
            }
        }
        outcomes.resize_with(sent.len(), || {
            Some(Err(PublishError::Unavailable("purged".to_owned())))
        });
        let shared = outcomes.len() > 1
            && outcomes
                .iter()
                .any(|outcome| matches!(outcome, Some(Err(PublishError::Refused(_)))));
        let of = sent.iter().map(|place| keys[*place]);
        let (verdicts, _) = judge(vec![Ok(()); sent.len()], outcomes, of);
        (verdicts, if shared { Blame::Shared } else { Blame::Own })
    }

    proptest! {
        #[test]
        fn only_the_guilty_are_refused_and_nothing_of_a_key_overtakes(
            records in proptest::collection::vec((0usize..4, proptest::bool::weighted(0.1)), 2..60),
            group in 1usize..20,
        ) {
            let names = ["a", "b", "c", "d"];
            let keys: Vec<&str> = records.iter().map(|(key, _)| names[*key]).collect();
            let large: Vec<bool> = records.iter().map(|(_, large)| *large).collect();
            let all: Vec<usize> = (0..records.len()).collect();
            let mut log = Vec::new();
            let (mut results, blame) = broker(&all, &keys, &large, group, &mut log);
            if blame == Blame::Shared {
                let mut narrowing = Narrowing::of(&keys, results, |_| true);
                while let Some(sent) = narrowing.next() {
                    let (verdicts, blame) = broker(sent, &keys, &large, group, &mut log);
                    narrowing.ended(verdicts, blame);
                }
                results = narrowing.results();
            }

            let mut blocked = HashSet::new();
            for place in all {
                let result = &results[place];
                if blocked.contains(keys[place]) {
                    prop_assert!(matches!(result, Err(PublishError::AfterFailed)), "{place}: {result:?}");
                } else if large[place] {
                    prop_assert!(matches!(result, Err(PublishError::Refused(_))), "{place}: {result:?}");
                    blocked.insert(keys[place]);
                } else {
                    prop_assert!(result.is_ok(), "{place}: {result:?}");
                }
            }
            for key in names {
                let of_key: Vec<_> = log.iter().filter(|place| keys[**place] == key).collect();
                // A repetition may stand in the log, but never an event before its turn.
                let mut first = Vec::new();
                for place in of_key {
                    if !first.contains(&place) { first.push(place); }
                }
                prop_assert!(first.is_sorted(), "{key}: {first:?}");
            }
        }
    }

    #[test]
    fn when_the_broker_goes_away_nothing_more_is_asked_of_it() {
        let keys = ["a", "b", "c", "d"];
        let large = Err(PublishError::Refused("too large".to_owned()));
        let mut narrowing = Narrowing::of(&keys, vec![large; 4], |_| true);
        let mut calls = 0;
        while let Some(sent) = narrowing.next() {
            calls += 1;
            let away = PublishError::Unavailable("away".to_owned());
            let verdicts = vec![Err(away); sent.len()];
            narrowing.ended(verdicts, Blame::Own);
        }
        assert_eq!(calls, 1);
        let away = |result: &Verdict| matches!(result, Err(PublishError::Unavailable(_)));
        assert!(narrowing.results.iter().all(away));
    }
}
