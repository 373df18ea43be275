//! What the tenants tell.

use event_bus::{Failure, Received};
use events::tenant::{TenantActivated, TenantCreated};
use service::{EventHandler, Tx};

use super::Facts;
use crate::use_cases::{TenantStep, note_tenant};

impl EventHandler<TenantCreated> for Facts {
    async fn handle(&self, event: Received<TenantCreated>, tx: &mut Tx) -> Result<(), Failure> {
        let (tenant, at) = (event.data.tenant_id.into(), event.envelope.time);
        Ok(note_tenant(tx, tenant, TenantStep::Created, at).await?)
    }
}

impl EventHandler<TenantActivated> for Facts {
    async fn handle(&self, event: Received<TenantActivated>, tx: &mut Tx) -> Result<(), Failure> {
        let (tenant, at) = (event.data.tenant_id.into(), event.envelope.time);
        Ok(note_tenant(tx, tenant, TenantStep::Activated, at).await?)
    }
}
