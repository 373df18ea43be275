//! Handlers for tenant events.

use event_bus::{Failure, Received};
use events::tenant::{TenantCreated, TenantOnboardingSendSetupGuide};
use service::{EventConsumer, EventHandler, Tx};

use super::tenant;
use crate::{
    App,
    domain::tenant_created,
    use_cases::{NewTenant, notify_platform, send_setup_guide},
};

struct TenantHandler {
    app: App,
}

pub(super) fn start(app: &App) {
    EventConsumer::in_platform(
        &app.runtime,
        "notification-tenant-consumer",
        TenantHandler { app: app.clone() },
    )
    .on::<TenantCreated>()
    .on::<TenantOnboardingSendSetupGuide>()
    .start();
}

impl EventHandler<TenantCreated> for TenantHandler {
    async fn handle(&self, event: Received<TenantCreated>, tx: &mut Tx) -> Result<(), Failure> {
        let tenant = tenant(&event.envelope, &event.data.code)?;
        let notification = tenant_created(tenant, &event.data, event.envelope.time);
        Ok(notify_platform(&self.app, tx, &notification).await?)
    }
}

impl EventHandler<TenantOnboardingSendSetupGuide> for TenantHandler {
    async fn handle(
        &self,
        event: Received<TenantOnboardingSendSetupGuide>,
        tx: &mut Tx,
    ) -> Result<(), Failure> {
        let TenantOnboardingSendSetupGuide {
            code,
            name,
            package,
            admin_user_id,
            admin_email,
            ..
        } = event.data;
        let tenant = tenant(&event.envelope, &code)?;
        let new_tenant = NewTenant {
            tenant,
            name,
            package,
            admin: admin_user_id.into(),
            email: admin_email,
        };
        Ok(send_setup_guide(&self.app, tx, new_tenant).await?)
    }
}
