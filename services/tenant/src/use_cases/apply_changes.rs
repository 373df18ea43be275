//! Steps common to all changes of a tenant: increment the version, publish the event, store the row.

use service::{StoreError, Tx};

use crate::{
    domain::{Change, Tenant, TenantEvent},
    store::tenants,
};

/// Applies `change` and all changes that follow from it to the locked tenant, publishes each and stores the tenant.
/// Without a `change` it starts with the next one of the onboarding.
pub(super) async fn apply_changes(
    tx: &mut Tx,
    tenant: &mut Tenant,
    change: Option<Change>,
) -> Result<(), StoreError> {
    let mut next = change.or_else(|| tenant.next_onboarding_change());
    while let Some(change) = next {
        tenant.apply(&change, tx.now());
        publish(tx, tenant, change).await?;
        next = tenant.next_onboarding_change();
    }
    tenants::update(tx, tenant).await
}

/// Publishes the event of `change`, after it was applied to `tenant`.
pub(super) async fn publish(
    tx: &mut Tx,
    tenant: &Tenant,
    change: Change,
) -> Result<(), StoreError> {
    macro_rules! publish {
        ($event:expr) => {
            tx.publish_for(
                (tenant.id.0, tenant.region.as_str()),
                tenant.id,
                tenant.version.cast_unsigned(),
                $event,
            )
            .await
        };
    }
    match &TenantEvent::new(tenant, change) {
        TenantEvent::Created(event) => publish!(event),
        TenantEvent::DatabaseCreated(event) => publish!(event),
        TenantEvent::DatabaseFailed(event) => publish!(event),
        TenantEvent::SetupAdminUser(event) => publish!(event),
        TenantEvent::ConfigureSettings(event) => publish!(event),
        TenantEvent::SendSetupGuide(event) => publish!(event),
        TenantEvent::OnboardingCompleted(event) => publish!(event),
        TenantEvent::Activated(event) => publish!(event),
        TenantEvent::Suspended(event) => publish!(event),
    }
}
