//! A tenant's subscription to a package.

use serde::{Deserialize, Serialize};
use tenancy::TenantId;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;
use uuid::Uuid;

use super::SubscriptionId;

/// How long a new tenant pays nothing.
pub const TRIAL: Duration = Duration::days(14);

/// A tenant's subscription; it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Whose.
    pub tenant_id: TenantId,
    /// To what.
    pub package: tenancy::Package,
    /// When the trial ends.
    pub trial_ends_at: OffsetDateTime,
    /// When the period ends that runs now.
    pub current_period_end: OffsetDateTime,
    /// When it began.
    pub created_at: OffsetDateTime,
    /// When it last changed.
    pub updated_at: OffsetDateTime,
    /// Counts its changes.
    pub version: i64,
}

/// Where a subscription stands at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Standing {
    /// The trial runs.
    Trial,
    /// The trial is over.
    TrialEnded,
}

impl Subscription {
    /// Begins with a trial, which is the first period.
    #[must_use]
    pub fn start(tenant_id: TenantId, package: tenancy::Package, now: OffsetDateTime) -> Self {
        Self {
            id: SubscriptionId(Uuid::now_v7()),
            tenant_id,
            package,
            trial_ends_at: now + TRIAL,
            current_period_end: now + TRIAL,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// Where it stands at `now`.
    #[must_use]
    pub fn standing(&self, now: OffsetDateTime) -> Standing {
        if now < self.trial_ends_at {
            Standing::Trial
        } else {
            Standing::TrialEnded
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_lasts_fourteen_days() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let package = "starter".parse().unwrap();
        let subscription = Subscription::start(TenantId::generate(), package, now);
        let last = now + Duration::days(14) - Duration::microseconds(1);
        assert_eq!(subscription.standing(now), Standing::Trial);
        assert_eq!(subscription.standing(last), Standing::Trial);
        assert_eq!(
            subscription.standing(now + Duration::days(14)),
            Standing::TrialEnded
        );
        assert_eq!(subscription.current_period_end, subscription.trial_ends_at);
    }
}
