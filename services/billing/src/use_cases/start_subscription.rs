//! Subscribes a new tenant to its package.

use service::Tx;
use tenancy::TenantId;

use super::BillingError;
use crate::{
    convert::subscription_started,
    domain::Subscription,
    store::{packages, subscriptions},
};

/// Starts the trial of a tenant's subscription. Idempotent: a tenant keeps the subscription it has.
///
/// # Errors
/// [`BillingError::PackageNotFound`].
pub async fn start_subscription(
    tx: &mut Tx,
    tenant: TenantId,
    region: &str,
    package: tenancy::Package,
) -> Result<(), BillingError> {
    if !packages::exists(tx, &package).await? {
        return Err(BillingError::PackageNotFound(package));
    }
    let subscription = Subscription::start(tenant, package, tx.now());
    if !subscriptions::insert_if_new(tx, &subscription).await? {
        tracing::info!(%tenant, "tenant already has a subscription");
        return Ok(());
    }
    let version = subscription.version.cast_unsigned();
    let event = subscription_started(&subscription);
    tx.publish_for((tenant.0, region), subscription.id, version, &event)
        .await?;
    Ok(())
}
