//! Which letters.

use std::fmt;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    DEAD_LETTER_SUFFIX,
    dlq::{
        DeadLetterError,
        letter::{DeadLetter, DeadLetterState},
    },
    log_format::headers::rfc3339,
};

/// Which letters; what is `None` or empty does not matter. The default is every open one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Of these topics, with or without `.dlq`.
    pub topics: Vec<String>,
    /// Of this tenant.
    pub tenant: Option<Uuid>,
    /// Of this type of event.
    pub event_type: Option<String>,
    /// Whose error contains this text, large and small letters alike.
    pub error: Option<String>,
    /// Whose error is of this class.
    pub class: Option<String>,
    /// That this group could not handle.
    pub group: Option<String>,
    /// That failed last at this time or later.
    pub from: Option<OffsetDateTime>,
    /// That failed last before this time.
    pub to: Option<OffsetDateTime>,
    /// In this state.
    pub state: Option<DeadLetterState>,
}

impl Default for DeadLetterFilter {
    fn default() -> Self {
        Self {
            topics: Vec::new(),
            tenant: None,
            event_type: None,
            error: None,
            class: None,
            group: None,
            from: None,
            to: None,
            state: Some(DeadLetterState::Open),
        }
    }
}

impl DeadLetterFilter {
    /// Whether a letter fits, its state aside, which is known only at the end of its partition.
    pub(super) fn fits(&self, letter: &DeadLetter) -> bool {
        let same = |wanted: &Option<String>, is: &Option<String>| wanted.is_none() || wanted == is;
        let contains = |wanted: &String| {
            let error = letter.error.as_deref().unwrap_or_default();
            error.to_lowercase().contains(&wanted.to_lowercase())
        };
        let failed = letter.last_failure;
        (self.tenant.is_none() || self.tenant == letter.tenant)
            && same(&self.event_type, &letter.event_type)
            && self.error.as_ref().is_none_or(contains)
            && same(&self.class, &letter.class)
            && same(&self.group, &letter.group)
            && self
                .from
                .is_none_or(|from| failed.is_some_and(|at| at >= from))
            && self.to.is_none_or(|to| failed.is_some_and(|at| at < to))
    }

    pub(super) fn check(&self) -> Result<(), DeadLetterError> {
        match (self.from, self.to) {
            (Some(from), Some(to)) if from >= to => {
                Err(DeadLetterError::invalid("to", "should be after from"))
            }
            _ => Ok(()),
        }
    }

    /// The dead-letter topics named, sorted.
    pub(super) fn dead_letter_topics(&self) -> Vec<String> {
        let mut named: Vec<String> = self.topics.iter().map(|topic| with_suffix(topic)).collect();
        named.sort_unstable();
        named.dedup();
        named
    }
}

/// The dead-letter topic of a topic, or itself.
fn with_suffix(topic: &str) -> String {
    if topic.ends_with(DEAD_LETTER_SUFFIX) {
        topic.to_owned()
    } else {
        format!("{topic}{DEAD_LETTER_SUFFIX}")
    }
}

/// As an act's record has it: `topics=order.events state=open error="no luck"`.
impl fmt::Display for DeadLetterFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &Option<String>| text.as_ref().map(|text| format!("{text:?}"));
        let topics = Some(self.topics.join(",")).filter(|topics| !topics.is_empty());
        let parts = [
            ("topics", topics),
            ("tenant", self.tenant.map(|tenant| tenant.to_string())),
            ("type", self.event_type.clone()),
            ("error", quoted(&self.error)),
            ("class", self.class.clone()),
            ("group", self.group.clone()),
            ("from", self.from.map(rfc3339)),
            ("to", self.to.map(rfc3339)),
            ("state", self.state.map(|state| state.to_string())),
        ];
        let told = parts
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", value?)));
        f.write_str(&told.collect::<Vec<_>>().join(" "))
    }
}
