//! The error of every use case.

use event_bus::Failure;
use service::StoreError;

use crate::{domain::RenderError, user_client::PasswordTokenError};

/// A use case that failed. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum NotificationError {
    /// The notification does not exist, or belongs to another user.
    #[error("there is no such notification")]
    NotFound,
    /// A template cannot be rendered: an internal error.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The user service issued no password token.
    #[error(transparent)]
    PasswordToken(#[from] PasswordTokenError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NotificationError> for Failure {
    fn from(error: NotificationError) -> Self {
        match error {
            NotificationError::Store(error) => error.into(),
            NotificationError::PasswordToken(PasswordTokenError::Unavailable(_)) => {
                Self::unavailable(error)
            }
            NotificationError::NotFound
            | NotificationError::Render(_)
            | NotificationError::PasswordToken(
                PasswordTokenError::NotExpected | PasswordTokenError::Rejected(_),
            ) => Self::permanent(error),
        }
    }
}
