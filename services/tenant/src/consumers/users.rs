//! Handlers for user events.

use event_bus::{Failure, Received};
use events::user::{Role, UserCreated};
use service::{EventHandler, Tx};
use tenancy::TenantId;

use super::Onboarding;
use crate::{domain::Admin, use_cases::record_admin};

impl EventHandler<UserCreated> for Onboarding {
    async fn handle(&self, event: Received<UserCreated>, tx: &mut Tx) -> Result<(), Failure> {
        let user = event.data;
        let (Role::Admin, Some(tenant)) = (user.role, user.tenant_id) else {
            return Ok(());
        };
        let admin = Admin {
            id: user.user_id,
            email: user.email,
        };
        Ok(record_admin(tx, TenantId(tenant), admin).await?)
    }
}
