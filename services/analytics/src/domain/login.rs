//! Login attempts.

use auth::UserId;
use time::OffsetDateTime;

use super::EventId;

/// The outcome of a login attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginOutcome {
    /// The user logged in.
    Succeeded,
    /// The attempt was rejected.
    Failed,
}

/// A login attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginAttempt {
    /// The event that reported it.
    pub event: EventId,
    /// The user, unless the e-mail address is unknown.
    pub user: Option<UserId>,
    /// The outcome.
    pub outcome: LoginOutcome,
    /// The time of the attempt.
    pub at: OffsetDateTime,
}
