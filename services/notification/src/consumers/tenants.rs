//! What is told of tenants.

use event_bus::{Failure, Received};
use events::tenant::{TenantCreated, TenantOnboardingSendSetupGuide};
use service::{EventConsumer, EventHandler, Tx};

use super::tenant;
use crate::{
    App,
    domain::tenant_created,
    use_cases::{SetUp, send_setup_guide, tell_landlord},
};

struct Tenants {
    app: App,
}

pub(super) fn start(app: &App) {
    EventConsumer::in_platform(
        &app.runtime,
        "notification-tenant-consumer",
        Tenants { app: app.clone() },
    )
    .on::<TenantCreated>()
    .on::<TenantOnboardingSendSetupGuide>()
    .start();
}

impl EventHandler<TenantCreated> for Tenants {
    async fn handle(&self, event: Received<TenantCreated>, tx: &mut Tx) -> Result<(), Failure> {
        let about = tenant(&event.envelope, &event.data.code)?;
        let notice = tenant_created(about, &event.data, event.envelope.time);
        Ok(tell_landlord(&self.app, tx, &notice).await?)
    }
}

impl EventHandler<TenantOnboardingSendSetupGuide> for Tenants {
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
        let set_up = SetUp {
            tenant,
            name,
            package,
            admin: admin_user_id.into(),
            email: admin_email,
        };
        Ok(send_setup_guide(&self.app, tx, set_up).await?)
    }
}
