//! Handlers for tenant events.

use event_bus::{Failure, Received};
use events::tenant::TenantCreated;
use service::{EventConsumer, EventHandler, Tx};
use tenancy::{Region, TenantId};

use crate::{App, use_cases::start_subscription};

struct Subscriptions;

pub(super) fn start(app: &App) {
    EventConsumer::in_platform(&app.runtime, "billing-subscription-consumer", Subscriptions)
        .on::<TenantCreated>()
        .start();
}

impl EventHandler<TenantCreated> for Subscriptions {
    async fn handle(&self, event: Received<TenantCreated>, tx: &mut Tx) -> Result<(), Failure> {
        let tenant = event.data;
        let package = tenant.package.parse().map_err(Failure::permanent)?;
        let region: Region = tenant.region.parse().map_err(Failure::permanent)?;
        let id = TenantId(tenant.tenant_id);
        Ok(start_subscription(tx, id, region.as_str(), package).await?)
    }
}
