//! What is told of users.

use event_bus::{Envelope, Failure, Received};
use events::user::{PasswordPurpose, UserCreated, UserRegistered, UserTokenCreated};
use service::{EventConsumer, EventHandler, Tx};
use tenancy::TenantId;
use uuid::Uuid;

use crate::{
    App,
    domain::{AboutTenant, Purpose},
    use_cases::{NewUser, send_password_link, welcome_user},
};

struct Users {
    app: App,
}

pub(super) fn start(app: &App) {
    EventConsumer::in_platform(
        &app.runtime,
        "notification-user-consumer",
        Users { app: app.clone() },
    )
    .on::<UserRegistered>()
    .on::<UserCreated>()
    .on::<UserTokenCreated>()
    .start();
}

impl EventHandler<UserRegistered> for Users {
    async fn handle(&self, event: Received<UserRegistered>, tx: &mut Tx) -> Result<(), Failure> {
        let UserRegistered {
            user_id,
            email,
            name,
        } = event.data;
        let user = NewUser {
            id: user_id.into(),
            email,
            name,
            tenant: None,
        };
        Ok(welcome_user(&self.app, tx, user).await?)
    }
}

impl EventHandler<UserCreated> for Users {
    async fn handle(&self, event: Received<UserCreated>, tx: &mut Tx) -> Result<(), Failure> {
        let UserCreated {
            user_id,
            email,
            name,
            tenant_id,
            tenant_code,
            invited,
            ..
        } = event.data;
        let tenant = administered(&event.envelope, tenant_id.zip(tenant_code));
        let user = NewUser {
            id: user_id.into(),
            email,
            name,
            tenant,
        };
        if invited {
            Ok(send_password_link(&self.app, tx, user, Purpose::Invitation).await?)
        } else {
            Ok(welcome_user(&self.app, tx, user).await?)
        }
    }
}

impl EventHandler<UserTokenCreated> for Users {
    /// An invitation is sent when its user is made, so only a forgotten password is seen to here.
    async fn handle(&self, event: Received<UserTokenCreated>, tx: &mut Tx) -> Result<(), Failure> {
        let UserTokenCreated {
            user_id,
            email,
            purpose,
            ..
        } = event.data;
        match purpose {
            PasswordPurpose::PasswordReset => {
                let user = NewUser {
                    id: user_id.into(),
                    email,
                    name: String::new(),
                    tenant: None,
                };
                Ok(send_password_link(&self.app, tx, user, Purpose::PasswordReset).await?)
            }
            PasswordPurpose::Invitation => Ok(()),
        }
    }
}

/// The tenant that a new admin runs. A user's event is the platform's, so it need not say the region.
fn administered(envelope: &Envelope, named: Option<(Uuid, String)>) -> Option<AboutTenant> {
    let region = envelope.tenant.as_ref().map(|tenant| tenant.region.clone());
    named.map(|(id, code)| AboutTenant {
        id: TenantId(id),
        code,
        region,
    })
}
