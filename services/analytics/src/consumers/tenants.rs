//! Handlers for tenant events.

use event_bus::{Failure, Received};
use events::tenant::{TenantActivated, TenantCreated};
use service::{EventHandler, Tx};

use super::FactRecorder;
use crate::use_cases::{TenantMilestone, record_tenant};

impl EventHandler<TenantCreated> for FactRecorder {
    async fn handle(&self, event: Received<TenantCreated>, tx: &mut Tx) -> Result<(), Failure> {
        let (tenant, at) = (event.data.tenant_id.into(), event.envelope.time);
        Ok(record_tenant(tx, tenant, TenantMilestone::Created, at).await?)
    }
}

impl EventHandler<TenantActivated> for FactRecorder {
    async fn handle(&self, event: Received<TenantActivated>, tx: &mut Tx) -> Result<(), Failure> {
        let (tenant, at) = (event.data.tenant_id.into(), event.envelope.time);
        Ok(record_tenant(tx, tenant, TenantMilestone::Activated, at).await?)
    }
}
