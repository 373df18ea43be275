//! What tenants tell the users.

use event_bus::{Failure, Received};
use events::tenant::TenantOnboardingSetupAdminUser;
use service::{EventConsumer, EventHandler, Runtime, Tx};
use tenancy::TenantId;

use crate::{
    domain::{EmailAddress, OwnTenant, UserName},
    use_cases::{NoAdmin, set_up_admin},
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
        let wish = event.data;
        let code = wish.code.parse().map_err(Failure::permanent)?;
        let email = EmailAddress::try_from(wish.billing_email).map_err(Failure::permanent)?;
        let name = UserName::try_from(wish.name).map_err(Failure::permanent)?;
        let tenant = OwnTenant {
            id: TenantId(wish.tenant_id),
            code,
        };
        match set_up_admin(tx, tenant, email, name).await {
            Ok(()) => Ok(()),
            // Dead-lettered with its reason: onboarding waits where the operator looks.
            Err(taken @ NoAdmin::AddressTaken) => {
                tracing::warn!(tenant = %wish.tenant_id, "onboarding waits: {taken}");
                Err(Failure::permanent(taken))
            }
            Err(NoAdmin::Store(error)) => Err(error.into()),
        }
    }
}
