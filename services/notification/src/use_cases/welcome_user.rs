//! A new user is welcomed.

use auth::UserId;
use service::Tx;

use super::{NotificationError, request_email::request_email};
use crate::{
    App,
    domain::{About, AboutTenant, Letter},
};

/// Who is new.
pub(crate) struct NewUser {
    /// Their id.
    pub id: UserId,
    /// Where to write to them.
    pub email: String,
    /// How to call them.
    pub name: String,
    /// The tenant they administer.
    pub tenant: Option<AboutTenant>,
}

/// A welcome e-mail.
pub(crate) async fn welcome_user(
    app: &App,
    tx: &mut Tx,
    user: NewUser,
) -> Result<(), NotificationError> {
    let tenant_code = user.tenant.as_ref().map(|tenant| tenant.code.clone());
    let letter = Letter::Welcome {
        name: user.name,
        tenant_code,
    };
    let about = About {
        user: Some(user.id),
        tenant: user.tenant,
    };
    request_email(app, tx, &user.email, &letter, about).await
}
