//! The delivery state of an e-mail, and the retry policy.

use std::time::Duration;

use auth::UserId;
use strum::{Display, EnumIter, EnumString};
use tenancy::TenantId;

/// Attempts before an e-mail is abandoned; with the backoff below they span about six hours.
const MAX_ATTEMPTS: i32 = 12;
const INITIAL_BACKOFF: Duration = Duration::from_secs(5);
const MAX_BACKOFF: Duration = Duration::from_hours(1);

ids::uuid_id!(
    /// An e-mail's id, a `UUIDv7`; also part of its `Message-ID`.
    EmailId
);

/// The delivery state of an e-mail.
///
/// ```text
/// Requested → Sent · Failed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumIter, EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum EmailState {
    /// To be sent, now or at the next attempt.
    Requested,
    /// Accepted by the mail server.
    Sent,
    /// Abandoned after a permanent failure or too many attempts.
    Failed,
}

impl EmailState {
    /// Whether the transition to `next` is allowed. Staying in a state is not a transition.
    #[must_use]
    pub fn can_become(self, next: Self) -> bool {
        matches!((self, next), (Self::Requested, Self::Sent | Self::Failed))
    }
}

/// The tenant that an e-mail or a notification concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSummary {
    /// Its id.
    pub id: TenantId,
    /// Its code.
    pub code: String,
    /// Its region, if the event named it.
    pub region: Option<String>,
}

/// The user and the tenant that an e-mail concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailReferences {
    /// The recipient, if it is a known user.
    pub user: Option<UserId>,
    /// The tenant, if there is one.
    pub tenant: Option<TenantSummary>,
}

/// A failed attempt to send an e-mail. The text is published and logged, so it never contains an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// A later attempt may succeed.
    #[error("{0}")]
    Transient(String),
    /// Every further attempt would fail.
    #[error("{0}")]
    Permanent(String),
}

/// What to do with an e-mail after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryDecision {
    /// Try again after this backoff.
    RetryAfter(Duration),
    /// Abandon it.
    GiveUp,
}

/// Decides what to do with an e-mail whose attempt number `attempts` (from 1) failed with `error`.
#[must_use]
pub fn retry_decision(attempts: i32, error: &SendError) -> RetryDecision {
    match error {
        SendError::Permanent(_) => RetryDecision::GiveUp,
        SendError::Transient(_) if attempts >= MAX_ATTEMPTS => RetryDecision::GiveUp,
        SendError::Transient(_) => {
            let steps = u32::try_from(attempts - 1).unwrap_or(0).min(16);
            RetryDecision::RetryAfter(
                MAX_BACKOFF.min(INITIAL_BACKOFF * 3_u32.saturating_pow(steps)),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn sent_and_failed_are_final() {
        for from in EmailState::iter() {
            for to in EmailState::iter() {
                let allowed = from == EmailState::Requested && to != EmailState::Requested;
                assert_eq!(from.can_become(to), allowed, "{from:?} → {to:?}");
            }
            assert_eq!(from.to_string().parse::<EmailState>().unwrap(), from);
        }
    }

    #[test]
    fn backoff_grows_to_a_maximum_and_then_the_email_is_abandoned() {
        let error = SendError::Transient("away".to_owned());
        let mut last = Duration::ZERO;
        for attempt in 1..MAX_ATTEMPTS {
            let RetryDecision::RetryAfter(backoff) = retry_decision(attempt, &error) else {
                panic!("abandoned too early")
            };
            assert!(backoff >= last && backoff <= MAX_BACKOFF);
            last = backoff;
        }
        assert_eq!(last, MAX_BACKOFF);
        for attempt in [MAX_ATTEMPTS, MAX_ATTEMPTS + 1, i32::MAX] {
            assert_eq!(retry_decision(attempt, &error), RetryDecision::GiveUp);
        }
        assert_eq!(
            retry_decision(1, &SendError::Permanent("no".to_owned())),
            RetryDecision::GiveUp
        );
    }
}
