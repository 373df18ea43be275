//! Somebody logged in, or tried to.

use auth::UserId;
use time::OffsetDateTime;

use super::EventId;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They are in.
    Succeeded,
    /// They are not.
    Failed,
}

/// One login, or one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The event that told of it.
    pub event: EventId,
    /// Who; unknown where the address is nobody's.
    pub user: Option<UserId>,
    /// How it ended.
    pub outcome: Outcome,
    /// When.
    pub at: OffsetDateTime,
}
