//! Why somebody was not told. Nothing was written then.

use event_bus::Failure;
use service::StoreError;

use crate::{domain::TemplateError, users::SecretError};

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum NotificationError {
    /// There is no such notice, or it is another's.
    #[error("there is no such notification")]
    NoNotice,
    /// A template and its letter do not fit: a mistake of ours.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The user service gives no secret for a link.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NotificationError> for Failure {
    fn from(error: NotificationError) -> Self {
        match error {
            NotificationError::Store(error) => error.into(),
            NotificationError::Secret(SecretError::Unavailable(_)) => Self::unavailable(error),
            NotificationError::NoNotice
            | NotificationError::Template(_)
            | NotificationError::Secret(SecretError::NotWaiting | SecretError::Rejected(_)) => {
                Self::permanent(error)
            }
        }
    }
}
