//! A tenant was created: its subscription begins with a trial.

use service::Tx;
use tenancy::TenantId;

use super::BillingError;
use crate::{
    convert::started,
    domain::Subscription,
    store::{packages, subscriptions},
};

/// Subscribes a tenant to its package, once: a tenant that has a subscription keeps it.
///
/// # Errors
/// [`BillingError::NoPackage`].
pub async fn start_subscription(
    tx: &mut Tx,
    tenant: TenantId,
    region: &str,
    package: tenancy::Package,
) -> Result<(), BillingError> {
    if !packages::exists(tx.conn(), &package).await? {
        return Err(BillingError::NoPackage(package));
    }
    let subscription = Subscription::start(tenant, package, tx.now());
    if !subscriptions::insert(tx.conn(), &subscription).await? {
        tracing::info!(%tenant, "the tenant has a subscription already");
        return Ok(());
    }
    let version = subscription.version.cast_unsigned();
    let event = started(&subscription);
    tx.publish_for((tenant.0, region), subscription.id, version, &event)
        .await?;
    Ok(())
}
