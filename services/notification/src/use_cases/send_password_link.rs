//! Sends a link with which a user can set a password.

use service::Tx;

use super::{NewUser, NotificationError, request_email::request_email};
use crate::{
    App,
    domain::{EmailContent, EmailReferences, TokenPurpose},
    user_client::PasswordTokenError,
};

/// Requests an e-mail with a single-use link to set a password. The user service issues the link's token; a retry issues
/// another one, and only the last token is valid, which is the one in the stored e-mail.
///
/// Sends nothing to a user who does not expect a link any more.
pub(crate) async fn send_password_link(
    app: &App,
    tx: &mut Tx,
    user: NewUser,
    purpose: TokenPurpose,
) -> Result<(), NotificationError> {
    let correlation_id = tx.context().correlation_id;
    let issued = app
        .users
        .create_password_token(user.id, purpose, correlation_id)
        .await;
    let token = match issued {
        Ok(token) => token,
        Err(PasswordTokenError::NotExpected) => {
            tracing::info!(user_id = %user.id, ?purpose, "the user does not expect a link any more");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let tenant_code = user.tenant.as_ref().map(|tenant| tenant.code.clone());
    let content = match purpose {
        TokenPurpose::Invitation => EmailContent::Invitation {
            name: user.name,
            tenant_code,
            token,
        },
        TokenPurpose::PasswordReset => EmailContent::PasswordReset { token },
    };
    let references = EmailReferences {
        user: Some(user.id),
        tenant: user.tenant,
    };
    request_email(app, tx, &user.email, &content, references).await
}
