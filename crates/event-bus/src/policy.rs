//! What comes after a failure: again, a dead letter, or waiting.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use crate::{BoxError, Dependency, Failure, FailureClass};

/// Pauses before the second, third and fourth attempt.
const RETRY: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
];
/// How long one attempt may take.
const DEADLINE: Duration = Duration::from_mins(1);

/// How a handler's failures are met. One for the whole consumer, others for some types of events.
///
/// ```
/// use std::{io, time::Duration};
/// use event_bus::{Dependency, OnError, RetryPolicy};
///
/// let policy = RetryPolicy::new()
///     .retry([1, 5, 30].map(Duration::from_secs))
///     .deadline(Duration::from_secs(10))
///     .on_error::<io::Error>(OnError::Wait(Dependency::shared("disk")));
/// # let _ = policy;
/// ```
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    retry: Arc<[Duration]>,
    deadline: Duration,
    rules: Vec<Rule>,
}

/// What a [`RetryPolicy`] does with one kind of error, whatever class the handler gave it.
#[derive(Clone, Debug)]
pub enum OnError {
    /// Again after these pauses, then a dead letter.
    Retry(Vec<Duration>),
    /// A dead letter at once.
    DeadLetter,
    /// Again until this is back.
    Wait(Dependency),
}

#[derive(Clone)]
struct Rule {
    is: fn(&(dyn Error + 'static)) -> bool,
    then: OnError,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.then.fmt(f)
    }
}

/// What comes next for an event that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureAction {
    /// Another attempt after this pause (before jitter).
    Retry(Duration),
    /// A dead letter.
    DeadLetter,
    /// Waiting until this is back.
    Wait(Dependency),
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl RetryPolicy {
    /// Again after 200, 400 and 800 ms; an attempt may take 60 s; errors by their class.
    pub fn new() -> Self {
        Self {
            retry: RETRY.into(),
            deadline: DEADLINE,
            rules: Vec::new(),
        }
    }

    /// The pauses between attempts at what fails transiently. None at all: a dead letter after the first.
    #[must_use]
    pub fn retry(mut self, pauses: impl IntoIterator<Item = Duration>) -> Self {
        self.retry = pauses.into_iter().collect();
        self
    }

    /// How long one attempt may take. One that takes longer is dropped: a transient failure.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Errors that are an `E`, or were caused by one, are met like this. The first rule that fits counts.
    #[must_use]
    pub fn on_error<E: Error + 'static>(mut self, then: OnError) -> Self {
        let is = |error: &(dyn Error + 'static)| error.is::<E>();
        self.rules.push(Rule { is, then });
        self
    }

    /// What comes after this failure, when `retries` attempts after the first were made.
    pub fn next(&self, failure: &Failure, retries: usize) -> FailureAction {
        let again = |pauses: &[Duration]| {
            let pause = pauses.get(retries).copied();
            pause.map_or(FailureAction::DeadLetter, FailureAction::Retry)
        };
        match self.rule(failure.error()) {
            Some(OnError::Retry(pauses)) => again(pauses),
            Some(OnError::DeadLetter) => FailureAction::DeadLetter,
            Some(OnError::Wait(dependency)) => FailureAction::Wait(*dependency),
            None => match failure.class() {
                FailureClass::Transient => again(&self.retry),
                FailureClass::Permanent => FailureAction::DeadLetter,
                FailureClass::Unavailable => FailureAction::Wait(failure.dependency()),
            },
        }
    }

    /// How long one attempt may take.
    pub fn attempt_deadline(&self) -> Duration {
        self.deadline
    }

    fn rule(&self, error: &(dyn Error + Send + Sync + 'static)) -> Option<&OnError> {
        if self.rules.is_empty() {
            return None;
        }
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = cause {
            if let Some(rule) = self.rules.iter().find(|rule| (rule.is)(error)) {
                return Some(&rule.then);
            }
            cause = error.source();
        }
        None
    }
}

/// An attempt that took longer than its policy allows.
#[derive(Debug, thiserror::Error)]
#[error("the handler did not finish within {0:?}")]
pub struct HandlerTimeout(pub Duration);

impl From<HandlerTimeout> for Failure {
    fn from(error: HandlerTimeout) -> Self {
        Self::transient(BoxError::from(error))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("mail not sent")]
    struct NotSent(#[source] io::Error);

    fn broken_pipe() -> io::Error {
        io::ErrorKind::BrokenPipe.into()
    }

    #[test]
    fn each_class_has_its_way() {
        let policy = RetryPolicy::new().retry([Duration::from_millis(5)]);
        let transient = Failure::transient("x");
        assert_eq!(
            policy.next(&transient, 0),
            FailureAction::Retry(Duration::from_millis(5))
        );
        assert_eq!(policy.next(&transient, 1), FailureAction::DeadLetter);
        assert_eq!(
            policy.next(&Failure::permanent("x"), 0),
            FailureAction::DeadLetter
        );
        let smtp = Dependency::shared("smtp");
        let down = Failure::unavailable("x").of(smtp);
        assert_eq!(policy.next(&down, 1000), FailureAction::Wait(smtp));
    }

    #[test]
    fn a_rule_for_an_error_beats_the_class_and_finds_causes() {
        let disk = Dependency::shared("disk");
        let policy = RetryPolicy::new().on_error::<io::Error>(OnError::Wait(disk));
        let caused = Failure::permanent(NotSent(broken_pipe()));
        assert_eq!(policy.next(&caused, 0), FailureAction::Wait(disk));
        assert_eq!(
            policy.next(&Failure::permanent("other"), 0),
            FailureAction::DeadLetter
        );

        let policy = RetryPolicy::new()
            .on_error::<NotSent>(OnError::DeadLetter)
            .on_error::<io::Error>(OnError::Wait(disk));
        let caused = Failure::transient(NotSent(broken_pipe()));
        assert_eq!(
            policy.next(&caused, 0),
            FailureAction::DeadLetter,
            "outermost error first"
        );
    }
}
