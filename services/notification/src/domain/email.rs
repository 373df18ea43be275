//! An e-mail and the steps it can take.

use std::{fmt, str::FromStr, time::Duration};

use auth::UserId;
use serde::{Deserialize, Serialize};
use tenancy::TenantId;
use uuid::Uuid;

/// Tries before an e-mail is given up; with the pauses below they span about six hours.
const MOST_ATTEMPTS: i32 = 12;
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// An e-mail's id, a `UUIDv7`; also in its `Message-ID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct EmailId(pub Uuid);

impl EmailId {
    /// A new id.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for EmailId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where an e-mail is in its life.
///
/// ```text
/// Requested → Sent · Failed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EmailState {
    /// To be sent, now or at the next attempt.
    Requested,
    /// Handed over for delivery.
    Sent,
    /// Given up.
    Failed,
}

impl EmailState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Requested, Self::Sent, Self::Failed];

    /// Whether `next` may follow. Staying is not a step.
    #[must_use]
    pub fn can_become(self, next: Self) -> bool {
        matches!((self, next), (Self::Requested, Self::Sent | Self::Failed))
    }

    /// The word in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "REQUESTED",
            Self::Sent => "SENT",
            Self::Failed => "FAILED",
        }
    }
}

/// Text that is no state.
#[derive(Debug, thiserror::Error)]
#[error("{0} is no state of an e-mail")]
pub struct NoState(String);

impl FromStr for EmailState {
    type Err = NoState;

    fn from_str(text: &str) -> Result<Self, NoState> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| NoState(text.to_owned()))
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
    use super::*;

    #[test]
    fn an_end_is_an_end() {
        for from in EmailState::ALL {
            for to in EmailState::ALL {
                let may = from == EmailState::Requested && to != EmailState::Requested;
                assert_eq!(from.can_become(to), may, "{from:?} → {to:?}");
            }
            assert_eq!(from.as_str().parse::<EmailState>().unwrap(), from);
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
