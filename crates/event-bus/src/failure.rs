//! Why a handler did not do its work, and so what happens to the event.

use std::fmt;

/// Any error, boxed.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A handler's failure. Its class decides what becomes of the event.
#[derive(Debug)]
pub enum Failure {
    /// May succeed if tried again: retried with growing pauses, then dead-lettered.
    Transient(BoxError),
    /// Can never succeed: dead-lettered at once.
    Permanent(BoxError),
    /// Something the handler needs is down: the event waits until it is back, and is never dead-lettered.
    Unavailable(BoxError),
}

/// The class of a [`Failure`], for comparing and for labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// May succeed if tried again.
    Transient,
    /// Can never succeed.
    Permanent,
    /// A dependency is down.
    Unavailable,
}

impl FailureClass {
    /// The class in lower case, as in headers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Permanent => "permanent",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Failure {
    /// A failure that may pass: a lost race, a timeout, a lock.
    pub fn transient(error: impl Into<BoxError>) -> Self {
        Self::Transient(error.into())
    }

    /// A failure that will repeat for ever: a rule is broken, a thing does not exist.
    pub fn permanent(error: impl Into<BoxError>) -> Self {
        Self::Permanent(error.into())
    }

    /// A failure of something the handler stands on: database, broker, a called service.
    pub fn unavailable(error: impl Into<BoxError>) -> Self {
        Self::Unavailable(error.into())
    }

    /// What kind of failure this is.
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Transient(_) => FailureClass::Transient,
            Self::Permanent(_) => FailureClass::Permanent,
            Self::Unavailable(_) => FailureClass::Unavailable,
        }
    }

    /// The error and its causes on one line, as `charge failed: connection refused`.
    pub fn story(&self) -> String {
        let mut story = self.error().to_string();
        let mut source = self.error().source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !story.contains(&cause_text) {
                story.push_str(": ");
                story.push_str(&cause_text);
            }
            source = cause.source();
        }
        story
    }

    fn error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        match self {
            Self::Transient(error) | Self::Permanent(error) | Self::Unavailable(error) => {
                error.as_ref()
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failure: {}", self.class().as_str(), self.error())
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error().source()
    }
}
