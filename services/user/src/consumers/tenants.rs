//! Handlers for tenant events.

use event_bus::{Failure, Received};
use events::tenant::TenantOnboardingSetupAdminUser;
use service::{EventConsumer, EventHandler, Runtime, Tx};
use tenancy::TenantId;

use crate::{
    domain::{EmailAddress, UserName, UserTenant},
    use_cases::{SetUpAdminError, set_up_admin},
};

struct Onboarding;

pub(super) fn start(runtime: &Runtime) {
    EventConsumer::in_platform(runtime, "user-onboarding-consumer", Onboarding)
        .on::<TenantOnboardingSetupAdminUser>()
        .start();
}

impl EventHandler<TenantOnboardingSetupAdminUser> for Onboarding {
    async fn handle(
        &self,
        event: Received<TenantOnboardingSetupAdminUser>,
        tx: &mut Tx,
    ) -> Result<(), Failure> {
        let tenant = event.data;
        let code = tenant.code.parse().map_err(Failure::permanent)?;
        let email = EmailAddress::try_from(tenant.billing_email).map_err(Failure::permanent)?;
        let name = UserName::try_from(tenant.name).map_err(Failure::permanent)?;
        let id = TenantId(tenant.tenant_id);
        match set_up_admin(tx, UserTenant { id, code }, email, name).await {
            Ok(()) => Ok(()),
            // The dead letter carries the reason, so that an operator can continue the onboarding.
            Err(taken @ SetUpAdminError::EmailTaken) => {
                tracing::warn!(tenant = %id, "onboarding stopped: {taken}");
                Err(Failure::permanent(taken))
            }
            Err(SetUpAdminError::Store(error)) => Err(error.into()),
        }
    }
}
