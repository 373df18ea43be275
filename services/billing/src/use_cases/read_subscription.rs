//! What a tenant has subscribed to.

use service::PlatformScope;
use tenancy::TenantId;

use super::BillingError;
use crate::{domain::Subscription, store::subscriptions};

/// The tenant's subscription.
///
/// # Errors
/// [`BillingError::NoSubscription`] in the moment between a tenant's creation and its subscription's.
pub async fn read_subscription(
    platform: &PlatformScope,
    tenant: TenantId,
) -> Result<Subscription, BillingError> {
    let mut conn = platform.read().await?;
    subscriptions::find(&mut conn, tenant)
        .await?
        .ok_or(BillingError::NoSubscription)
}
