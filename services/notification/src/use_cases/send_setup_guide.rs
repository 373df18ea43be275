//! Sends the setup guide to a new tenant's admin.

use auth::UserId;
use service::Tx;

use super::{NotificationError, request_email::request_email};
use crate::{
    App,
    domain::{EmailContent, EmailReferences, TenantSummary},
};

/// A new tenant and its admin.
pub(crate) struct NewTenant {
    /// The tenant.
    pub tenant: TenantSummary,
    /// The tenant's name.
    pub name: String,
    /// The booked package.
    pub package: String,
    /// The admin's user id.
    pub admin: UserId,
    /// The admin's e-mail address.
    pub email: String,
}

/// Requests an e-mail with the first steps.
pub(crate) async fn send_setup_guide(
    app: &App,
    tx: &mut Tx,
    new: NewTenant,
) -> Result<(), NotificationError> {
    let content = EmailContent::SetupGuide {
        tenant_name: new.name,
        tenant_code: new.tenant.code.clone(),
        package: new.package,
    };
    let references = EmailReferences {
        user: Some(new.admin),
        tenant: Some(new.tenant),
    };
    request_email(app, tx, &new.email, &content, references).await
}
