//! An e-mail and the steps it can take.

use std::time::Duration;

use auth::UserId;
use strum::{Display, EnumIter, EnumString};
use tenancy::TenantId;

/// Tries before an e-mail is given up; with the pauses below they span about six hours.
const MOST_ATTEMPTS: i32 = 12;
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

ids::uuid_id!(
    /// An e-mail's id, a `UUIDv7`; also in its `Message-ID`.
    EmailId
);

/// Where an e-mail is in its life.
///
/// ```text
/// Requested → Sent · Failed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumIter, EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum EmailState {
    /// To be sent, now or at the next attempt.
    Requested,
    /// Handed over for delivery.
    Sent,
    /// Given up.
    Failed,
}

impl EmailState {
    /// Whether `next` may follow. Staying is not a step.
    #[must_use]
    pub fn can_become(self, next: Self) -> bool {
        matches!((self, next), (Self::Requested, Self::Sent | Self::Failed))
    }
}

/// The tenant an e-mail or a notice is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AboutTenant {
    /// Its id.
    pub id: TenantId,
    /// Its code.
    pub code: String,
    /// Its region, where the event told it.
    pub region: Option<String>,
}

/// Whom and what an e-mail is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The user it is for, if known.
    pub user: Option<UserId>,
    /// The tenant it is about.
    pub tenant: Option<AboutTenant>,
}

/// Why an e-mail was not handed over. Its text is published and logged, so it never holds an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// May work another time.
    #[error("{0}")]
    ForNow(String),
    /// Will never work.
    #[error("{0}")]
    ForGood(String),
}

/// What becomes of an e-mail after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Tried again after this time.
    Retry(Duration),
    /// Given up.
    GiveUp,
}

/// What becomes of an e-mail whose attempt number `attempts` (from 1) failed so.
#[must_use]
pub fn after_failure(attempts: i32, error: &SendError) -> Verdict {
    match error {
        SendError::ForGood(_) => Verdict::GiveUp,
        SendError::ForNow(_) if attempts >= MOST_ATTEMPTS => Verdict::GiveUp,
        SendError::ForNow(_) => {
            let steps = u32::try_from(attempts - 1).unwrap_or(0).min(16);
            Verdict::Retry(LONGEST_PAUSE.min(FIRST_PAUSE * 3_u32.saturating_pow(steps)))
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    #[test]
    fn an_end_is_an_end() {
        for from in EmailState::iter() {
            for to in EmailState::iter() {
                let may = from == EmailState::Requested && to != EmailState::Requested;
                assert_eq!(from.can_become(to), may, "{from:?} → {to:?}");
            }
            assert_eq!(from.to_string().parse::<EmailState>().unwrap(), from);
        }
    }

    #[test]
    fn pauses_grow_to_a_bound_and_then_it_is_given_up() {
        let error = SendError::ForNow("away".to_owned());
        let mut last = Duration::ZERO;
        for attempt in 1..MOST_ATTEMPTS {
            let Verdict::Retry(pause) = after_failure(attempt, &error) else {
                panic!("given up too early")
            };
            assert!(pause >= last && pause <= LONGEST_PAUSE);
            last = pause;
        }
        assert_eq!(last, LONGEST_PAUSE);
        for attempt in [MOST_ATTEMPTS, MOST_ATTEMPTS + 1, i32::MAX] {
            assert_eq!(after_failure(attempt, &error), Verdict::GiveUp);
        }
        assert_eq!(
            after_failure(1, &SendError::ForGood("no".to_owned())),
            Verdict::GiveUp
        );
    }
}
