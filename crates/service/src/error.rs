//! What can go wrong below a use case, and whose fault it is.

use event_bus::{BadEvent, BoxError, Failure};
use tenancy::DatasourceError;

use crate::settings::BadSetting;

/// A service that could not start; its text is the one line the operator sees.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Setting(#[from] BadSetting),
    /// Something the service cannot start without is out of reach.
    #[error("{what}: {cause}")]
    Dependency {
        /// Which one, and what was tried.
        what: String,
        /// What it answered.
        cause: BoxError,
    },
}

impl StartError {
    /// `what` could not be reached or prepared.
    pub fn dependency(what: impl Into<String>, cause: impl Into<BoxError>) -> Self {
        Self::Dependency {
            what: what.into(),
            cause: cause.into(),
        }
    }
}

/// A transaction that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is down, too busy, or took too long. Nothing was written; try again later.
    #[error("the database is out of reach: {0}")]
    Unavailable(BoxError),
    /// Another transaction changed the same rows first. Nothing was written; try again now.
    #[error("another change came between")]
    Conflict,
    /// An event that breaks the envelope's or its schema's rules: a mistake of ours.
    #[error(transparent)]
    Event(#[from] BadEvent),
    /// The database refused a statement: a mistake of ours.
    #[error(transparent)]
    Database(sqlx::Error),
    /// A stored value cannot be read back: a mistake of ours.
    #[error("a stored {what} cannot be read: {cause}")]
    Corrupt {
        /// What was read.
        what: &'static str,
        /// Why it could not be.
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
        match &error {
            sqlx::Error::Database(refused) => match refused.code().as_deref() {
                // Serialisation failure, deadlock, lock not available.
                Some("40001" | "40P01" | "55P03") => Self::Conflict,
                // Connection exceptions, resources exhausted, shutdown or start, statement cancelled by its timeout.
                Some(code)
                    if code.starts_with("08")
                        || code.starts_with("53")
                        || code.starts_with("57P")
                        || code == "57014"
                        || code == "25P03" =>
                {
                    Self::Unavailable(error.into())
                }
                _ => Self::Database(error),
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error.into()),
            _ => Self::Database(error),
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
            // A mistake of ours gets its few tries too: a newer replica may take the event over.
            StoreError::Conflict
            | StoreError::Event(_)
            | StoreError::Database(_)
            | StoreError::Corrupt { .. } => Self::transient(error),
        }
    }
}
