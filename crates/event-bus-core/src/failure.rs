//! Why a handler did not do its work, and so what happens to the event.

use std::fmt;

/// Any error, boxed.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A handler's failure. Its class decides what becomes of the event.
#[derive(Debug)]
pub struct Failure {
    class: FailureClass,
    error: BoxError,
    dependency: Dependency,
}

/// Something handlers stand on, and how far its absence reaches.
///
/// While it is away a breaker holds back what it reaches; one event at a time is tried, until it is there again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dependency {
    name: &'static str,
    reach: Reach,
}

/// What the absence of a [`Dependency`] holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Events of the same ordering key.
    Key,
    /// All events of the consumer.
    Consumer,
}

impl Dependency {
    /// Something every event of the consumer needs, as a mail server: without it the consumer pauses.
    pub const fn shared(name: &'static str) -> Self {
        Self {
            name,
            reach: Reach::Consumer,
        }
    }

    /// Something of one tenant's own, as its database: without it the tenant waits, the others go on.
    pub const fn of_tenant(name: &'static str) -> Self {
        Self {
            name,
            reach: Reach::Key,
        }
    }

    /// Its name in metrics and logs.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// What its absence holds back.
    pub fn reach(self) -> Reach {
        self.reach
    }
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
    fn new(class: FailureClass, error: BoxError) -> Self {
        Self {
            class,
            error,
            dependency: Dependency::of_tenant("unnamed"),
        }
    }

    /// May succeed if tried again (a lost race, a timeout, a lock): retried with growing pauses, then dead-lettered.
    pub fn transient(error: impl Into<BoxError>) -> Self {
        Self::new(FailureClass::Transient, error.into())
    }

    /// Will repeat for ever (a rule is broken, a thing does not exist): dead-lettered at once.
    pub fn permanent(error: impl Into<BoxError>) -> Self {
        Self::new(FailureClass::Permanent, error.into())
    }

    /// Something the handler stands on is down (a database, a called service): the event waits until it is back, and
    /// is never dead-lettered. It holds back the events of the same tenant, unless [`Failure::of`] says more.
    pub fn unavailable(error: impl Into<BoxError>) -> Self {
        Self::new(FailureClass::Unavailable, error.into())
    }

    /// What is down.
    #[must_use]
    pub fn of(mut self, dependency: Dependency) -> Self {
        self.dependency = dependency;
        self
    }

    /// What kind of failure this is.
    pub fn class(&self) -> FailureClass {
        self.class
    }

    /// What is down, if the class is [`FailureClass::Unavailable`].
    pub fn dependency(&self) -> Dependency {
        self.dependency
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

    /// The error itself.
    pub fn error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self.error.as_ref()
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
