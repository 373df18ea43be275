//! Handlers for user events.

use event_bus::{Envelope, Failure, Received};
use events::user::{PasswordPurpose, UserCreated, UserRegistered, UserTokenCreated};
use service::{EventConsumer, EventHandler, Tx};
use tenancy::TenantId;
use uuid::Uuid;

use crate::{
    App,
    domain::{TenantSummary, TokenPurpose},
    use_cases::{NewUser, send_password_link, send_welcome},
};

struct UserHandler {
    app: App,
}

pub(super) fn start(app: &App) {
    EventConsumer::in_platform(
        &app.runtime,
        "notification-user-consumer",
        UserHandler { app: app.clone() },
    )
    .on::<UserRegistered>()
    .on::<UserCreated>()
    .on::<UserTokenCreated>()
    .start();
}

impl EventHandler<UserRegistered> for UserHandler {
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
        Ok(send_welcome(&self.app, tx, user).await?)
    }
}

impl EventHandler<UserCreated> for UserHandler {
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
        let tenant = administered_tenant(&event.envelope, tenant_id.zip(tenant_code));
        let user = NewUser {
            id: user_id.into(),
            email,
            name,
            tenant,
        };
        if invited {
            Ok(send_password_link(&self.app, tx, user, TokenPurpose::Invitation).await?)
        } else {
            Ok(send_welcome(&self.app, tx, user).await?)
        }
    }
}

impl EventHandler<UserTokenCreated> for UserHandler {
    /// Sends links for forgotten passwords only: an invitation is sent when its user is created.
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
                Ok(send_password_link(&self.app, tx, user, TokenPurpose::PasswordReset).await?)
            }
            PasswordPurpose::Invitation => Ok(()),
        }
    }
}

/// The tenant that a new admin administers. Its region is unknown if the event's envelope names no tenant.
fn administered_tenant(
    envelope: &Envelope,
    tenant: Option<(Uuid, String)>,
) -> Option<TenantSummary> {
    let region = envelope.tenant.as_ref().map(|tenant| tenant.region.clone());
    tenant.map(|(id, code)| TenantSummary {
        id: TenantId(id),
        code,
        region,
    })
}
