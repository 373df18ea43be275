//! A tenant's subscription to a package.

use serde::{Deserialize, Serialize};
use tenancy::TenantId;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

use super::SubscriptionId;

/// The length of the free trial of a new tenant.
pub const TRIAL: Duration = Duration::days(14);

/// A tenant's subscription to a package; a tenant has exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The unique id.
    pub id: SubscriptionId,
    /// The subscribed tenant.
    pub tenant_id: TenantId,
    /// The package.
    pub package: tenancy::Package,
    /// The end of the trial.
    pub trial_ends_at: OffsetDateTime,
    /// The end of the current billing period.
    pub current_period_end: OffsetDateTime,
    /// The time of creation.
    pub created_at: OffsetDateTime,
    /// The time of the last change.
    pub updated_at: OffsetDateTime,
    /// The number of changes, starting at 1.
    pub version: i64,
}

/// The status of a subscription at a given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SubscriptionStatus {
    /// The trial is running.
    Trial,
    /// The trial is over.
    TrialEnded,
}

impl Subscription {
    /// A new subscription, whose first period is the trial.
    #[must_use]
    pub fn start(tenant_id: TenantId, package: tenancy::Package, now: OffsetDateTime) -> Self {
        Self {
            id: SubscriptionId::generate(),
            tenant_id,
            package,
            trial_ends_at: now + TRIAL,
            current_period_end: now + TRIAL,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// The status at `now`.
    #[must_use]
    pub fn status(&self, now: OffsetDateTime) -> SubscriptionStatus {
        if now < self.trial_ends_at {
            SubscriptionStatus::Trial
        } else {
            SubscriptionStatus::TrialEnded
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
        let last_instant = now + Duration::days(14) - Duration::microseconds(1);
        assert_eq!(subscription.status(now), SubscriptionStatus::Trial);
        assert_eq!(subscription.status(last_instant), SubscriptionStatus::Trial);
        assert_eq!(
            subscription.status(now + Duration::days(14)),
            SubscriptionStatus::TrialEnded
        );
        assert_eq!(subscription.current_period_end, subscription.trial_ends_at);
    }
}
