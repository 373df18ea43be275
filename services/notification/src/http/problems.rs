//! How each refusal is answered.

use service::Problem;

use crate::use_cases::NotificationError;

impl From<NotificationError> for Problem {
    fn from(error: NotificationError) -> Self {
        match error {
            NotificationError::NoNotice => Self::not_found("notification"),
            NotificationError::Store(error) => error.into(),
            NotificationError::Template(_) | NotificationError::Secret(_) => Self::internal(&error),
        }
    }
}
