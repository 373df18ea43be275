//! What is asked for: a replay or a discard, by whom and why.

use std::num::NonZeroU32;

use uuid::Uuid;

use crate::dlq::DeadLetterError;

/// Replays after which a letter is refused, unless set or forced.
const MAX_REPLAYS: u32 = 3;
/// Letters of one command, unless set, and at the most.
const LIMIT: usize = 1_000;
const MAX_LIMIT: usize = 10_000;
/// Characters of a name and of a reason.
const MAX_BY: usize = 200;
pub(super) const MAX_REASON: usize = 1_000;

/// Who sees a replayed event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ReplayTo {
    /// The group that failed.
    #[default]
    FailedGroup,
    /// This group, named without prefix.
    Group(String),
    /// Every group that reads the topic.
    AllGroups,
}

/// How letters are to be replayed.
#[derive(Clone, Debug)]
#[must_use]
pub struct Replay {
    pub(super) id: Uuid,
    pub(super) by: String,
    pub(super) reason: Option<String>,
    pub(super) to: ReplayTo,
    pub(super) rate: Option<NonZeroU32>,
    pub(super) limit: usize,
    pub(super) max_replays: u32,
    pub(super) forced: bool,
    pub(super) dry_run: bool,
}

impl Replay {
    /// By this person, to the group that failed, as fast as it goes.
    pub fn by(name: impl Into<String>) -> Self {
        Self {
            id: Uuid::now_v7(),
            by: name.into(),
            reason: None,
            to: ReplayTo::default(),
            rate: None,
            limit: LIMIT,
            max_replays: MAX_REPLAYS,
            forced: false,
            dry_run: false,
        }
    }

    /// The id of its acts; a new one unless set.
    pub fn id(mut self, id: Uuid) -> Self {
        self.id = id;
        self
    }

    /// Why it is done.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Who is to see the events again.
    pub fn to(mut self, to: ReplayTo) -> Self {
        self.to = to;
        self
    }

    /// At most so many records a second.
    pub fn rate(mut self, records: NonZeroU32) -> Self {
        self.rate = Some(records);
        self
    }

    /// At most so many letters, 1 to 10,000; 1,000 unless set.
    pub fn limit(mut self, letters: usize) -> Self {
        self.limit = letters;
        self
    }

    /// Letters of events that were replayed so often are refused; 3 unless set.
    pub fn max_replays(mut self, replays: u32) -> Self {
        self.max_replays = replays;
        self
    }

    /// Also letters that are not open, and those replayed too often.
    pub fn forced(mut self) -> Self {
        self.forced = true;
        self
    }

    /// Only says what would be done.
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    pub(super) fn check(&self) -> Result<(), DeadLetterError> {
        check_by(&self.by)?;
        check_limit(self.limit)?;
        if let ReplayTo::Group(group) = &self.to {
            check_text("group", group, 249)?;
        }
        let reason = self.reason.as_ref();
        reason.map_or(Ok(()), |reason| check_text("reason", reason, MAX_REASON))
    }
}

/// How letters are to be given up.
#[derive(Clone, Debug)]
#[must_use]
pub struct Discard {
    pub(super) id: Uuid,
    pub(super) by: String,
    pub(super) reason: String,
    pub(super) limit: usize,
    pub(super) dry_run: bool,
}

impl Discard {
    /// By this person, for this reason.
    pub fn by(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            id: Uuid::now_v7(),
            by: name.into(),
            reason: reason.into(),
            limit: LIMIT,
            dry_run: false,
        }
    }

    /// The id of its acts; a new one unless set.
    pub fn id(mut self, id: Uuid) -> Self {
        self.id = id;
        self
    }

    /// At most so many letters, 1 to 10,000; 1,000 unless set.
    pub fn limit(mut self, letters: usize) -> Self {
        self.limit = letters;
        self
    }

    /// Only says what would be done.
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    pub(super) fn check(&self) -> Result<(), DeadLetterError> {
        check_by(&self.by)?;
        check_limit(self.limit)?;
        check_text("reason", &self.reason, MAX_REASON)
    }
}

pub(super) fn check_by(by: &str) -> Result<(), DeadLetterError> {
    check_text("by", by, MAX_BY)
}

fn check_limit(limit: usize) -> Result<(), DeadLetterError> {
    if (1..=MAX_LIMIT).contains(&limit) {
        return Ok(());
    }
    Err(DeadLetterError::invalid(
        "limit",
        format!("should be 1 to {MAX_LIMIT}"),
    ))
}

pub(super) fn check_text(
    field: &'static str,
    text: &str,
    most: usize,
) -> Result<(), DeadLetterError> {
    let rule = if text.trim().is_empty() {
        "should say something".to_owned()
    } else if text.chars().any(char::is_control) {
        "should have no control characters".to_owned()
    } else if text.chars().count() > most {
        format!("should have at most {most} characters")
    } else {
        return Ok(());
    };
    Err(DeadLetterError::invalid(field, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(checked: Result<(), DeadLetterError>) -> &'static str {
        match checked {
            Err(DeadLetterError::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(field(Replay::by(" ").check()), "by");
        assert_eq!(field(Replay::by("ann").limit(0).check()), "limit");
        assert_eq!(field(Replay::by("ann").limit(10_001).check()), "limit");
        assert_eq!(field(Replay::by("ann").reason("a\nb").check()), "reason");
        let to_nobody = Replay::by("ann").to(ReplayTo::Group(String::new()));
        assert_eq!(field(to_nobody.check()), "group");
        assert_eq!(field(Discard::by("ann", "").check()), "reason");
        assert_eq!(field(Discard::by("", "old").check()), "by");
        assert_eq!(
            field(Discard::by("ann", "x".repeat(1001)).check()),
            "reason"
        );
        assert!(Replay::by("ann").check().is_ok() && Discard::by("ann", "old").check().is_ok());
    }
}
