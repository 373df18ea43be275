//! What every change of a tenant has in common: a version, an event, a row.

use service::{StoreError, Tx};

use crate::{
    domain::{Change, Happened, Tenant},
    store::tenants,
};

/// Takes the locked tenant through `change` and through what follows from it by itself, and writes it down.
pub(super) async fn record(
    tx: &mut Tx,
    tenant: &mut Tenant,
    change: Option<Change>,
) -> Result<(), StoreError> {
    let mut next = change.or_else(|| tenant.next_of_onboarding());
    while let Some(change) = next {
        tenant.apply(&change, tx.now());
        publish(tx, tenant, change).await?;
        next = tenant.next_of_onboarding();
    }
    tenants::save(tx.conn(), tenant).await
}

/// Tells of `change`, of which `tenant` is the outcome.
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
    match &Happened::to(tenant, change) {
        Happened::Created(event) => publish!(event),
        Happened::DatabaseCreated(event) => publish!(event),
        Happened::DatabaseFailed(event) => publish!(event),
        Happened::SetupAdminUser(event) => publish!(event),
        Happened::ConfigureSettings(event) => publish!(event),
        Happened::SendSetupGuide(event) => publish!(event),
        Happened::OnboardingCompleted(event) => publish!(event),
        Happened::Activated(event) => publish!(event),
        Happened::Suspended(event) => publish!(event),
    }
}
