//! Errors below use cases.

use database::ErrorKind;
use event_bus::{BoxError, Failure, InvalidEvent};
use sea_orm::DbErr;
use tenancy::DatasourceError;

use crate::settings::InvalidSetting;

/// Why a service could not start; the message is the line the operator sees.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is missing or invalid.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// A required dependency is unavailable.
    #[error("{what}: {cause}")]
    Dependency {
        /// The dependency and what was tried.
        what: String,
        /// The underlying error.
        cause: BoxError,
    },
}

impl StartError {
    /// A [`StartError::Dependency`].
    pub fn dependency(what: impl Into<String>, cause: impl Into<BoxError>) -> Self {
        Self::Dependency {
            what: what.into(),
            cause: cause.into(),
        }
    }
}

/// A statement or transaction that failed. Every function of a `store/` returns it; nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is down, overloaded or too slow; try again later.
    #[error("the database is unavailable: {0}")]
    Unavailable(BoxError),
    /// A concurrent transaction changed the same rows; try again now.
    #[error("a concurrent transaction changed the same rows")]
    Conflict,
    /// An event violates its schema or the envelope's rules: an internal error.
    #[error(transparent)]
    Event(#[from] InvalidEvent),
    /// The database rejected a statement: an internal error.
    #[error("the database rejected a statement: {0}")]
    Rejected(BoxError),
    /// A stored value cannot be read back: an internal error.
    #[error("a stored {what} cannot be read: {cause}")]
    Corrupt {
        /// What was read.
        what: &'static str,
        /// Why it cannot be read.
        cause: BoxError,
    },
}

impl StoreError {
    /// A stored `what` that cannot be read back.
    pub fn corrupt(what: &'static str, cause: impl Into<BoxError>) -> Self {
        Self::Corrupt {
            what,
            cause: cause.into(),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match database::classify(&error) {
            ErrorKind::Unavailable => Self::Unavailable(error.into()),
            ErrorKind::Conflict => Self::Conflict,
            ErrorKind::Rejected => Self::Rejected(error.into()),
        }
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match database::classify_orm(&error) {
            ErrorKind::Unavailable => Self::Unavailable(error.into()),
            ErrorKind::Conflict => Self::Conflict,
            ErrorKind::Rejected => Self::Rejected(error.into()),
        }
    }
}

impl From<DatasourceError> for StoreError {
    fn from(error: DatasourceError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::unavailable(error),
            // Internal errors are retried as well: a replica of a newer version may handle the event.
            StoreError::Conflict
            | StoreError::Event(_)
            | StoreError::Rejected(_)
            | StoreError::Corrupt { .. } => Self::transient(error),
        }
    }
}
