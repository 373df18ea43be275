//! The problem document of each error.

use service::Problem;

use crate::use_cases::NotificationError;

impl From<NotificationError> for Problem {
    fn from(error: NotificationError) -> Self {
        match error {
            NotificationError::NotFound => Self::not_found("notification"),
            NotificationError::Store(error) => error.into(),
            NotificationError::Render(_) | NotificationError::PasswordToken(_) => {
                Self::internal(&error)
            }
        }
    }
}
