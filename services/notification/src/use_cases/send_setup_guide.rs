//! A new tenant's admin gets the setup guide.

use auth::UserId;
use service::Tx;

use super::{NotificationError, request_email::request_email};
use crate::{
    App,
    domain::{About, AboutTenant, Letter},
};

/// A tenant that was just set up, and its admin.
pub(crate) struct SetUp {
    /// The tenant.
    pub tenant: AboutTenant,
    /// Its name.
    pub name: String,
    /// What it pays for.
    pub package: String,
    /// Its admin.
    pub admin: UserId,
    /// Where to write to them.
    pub email: String,
}

/// An e-mail with the first steps.
pub(crate) async fn send_setup_guide(
    app: &App,
    tx: &mut Tx,
    set_up: SetUp,
) -> Result<(), NotificationError> {
    let SetUp {
        tenant,
        name,
        package,
        admin,
        email,
    } = set_up;
    let letter = Letter::SetupGuide {
        tenant_name: name,
        tenant_code: tenant.code.clone(),
        package,
    };
    request_email(
        app,
        tx,
        &email,
        &letter,
        About {
            user: Some(admin),
            tenant: Some(tenant),
        },
    )
    .await
}
