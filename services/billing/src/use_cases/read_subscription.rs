//! Reads a tenant's subscription.

use service::PlatformScope;
use tenancy::TenantId;

use super::BillingError;
use crate::{domain::Subscription, store::subscriptions};

/// The tenant's subscription.
///
/// # Errors
/// [`BillingError::SubscriptionNotFound`] until the event of the tenant's creation is handled.
pub async fn read_subscription(
    platform: &PlatformScope,
    tenant: TenantId,
) -> Result<Subscription, BillingError> {
    let db = platform.read().await?;
    subscriptions::find(&db, tenant)
        .await?
        .ok_or(BillingError::SubscriptionNotFound)
}
