//! Sends a welcome e-mail to a new user.

use auth::UserId;
use service::Tx;

use super::{NotificationError, request_email::request_email};
use crate::{
    App,
    domain::{EmailContent, EmailReferences, TenantSummary},
};

/// A user to write to.
pub(crate) struct NewUser {
    /// The user's id.
    pub id: UserId,
    /// The user's e-mail address.
    pub email: String,
    /// The user's name; empty if the e-mail does not use it.
    pub name: String,
    /// The tenant that the user administers.
    pub tenant: Option<TenantSummary>,
}

/// Requests a welcome e-mail.
pub(crate) async fn send_welcome(
    app: &App,
    tx: &mut Tx,
    user: NewUser,
) -> Result<(), NotificationError> {
    let tenant_code = user.tenant.as_ref().map(|tenant| tenant.code.clone());
    let content = EmailContent::Welcome {
        name: user.name,
        tenant_code,
    };
    let references = EmailReferences {
        user: Some(user.id),
        tenant: user.tenant,
    };
    request_email(app, tx, &user.email, &content, references).await
}
