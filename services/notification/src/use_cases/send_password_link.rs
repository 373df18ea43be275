//! A user gets a link to set a password.

use service::Tx;

use super::{NewUser, NotificationError, request_email::request_email};
use crate::{
    App,
    domain::{About, Letter, Purpose},
    users::SecretError,
};

/// An e-mail with a link that lets the user set a password once. The user service draws the secret; a second try draws
/// another, and only the last one works, which is the one that is written down.
///
/// A user who waits for no link any more gets none.
pub(crate) async fn send_password_link(
    app: &App,
    tx: &mut Tx,
    user: NewUser,
    purpose: Purpose,
) -> Result<(), NotificationError> {
    let correlation = tx.context().correlation_id;
    let secret = match app
        .users
        .password_secret(user.id, purpose, correlation)
        .await
    {
        Ok(secret) => secret,
        Err(SecretError::NotWaiting) => {
            tracing::info!(user_id = %user.id, ?purpose, "the user waits for no link any more");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let tenant_code = user.tenant.as_ref().map(|tenant| tenant.code.clone());
    let letter = match purpose {
        Purpose::Invitation => Letter::Invitation {
            name: user.name,
            tenant_code,
            secret,
        },
        Purpose::PasswordReset => Letter::PasswordReset { secret },
    };
    let about = About {
        user: Some(user.id),
        tenant: user.tenant,
    };
    request_email(app, tx, &user.email, &letter, about).await
}
