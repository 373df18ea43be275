//! Errors of the event store.

use sea_orm::DbErr;
use uuid::Uuid;

use crate::FoldError;

/// An operation of the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database rejected a statement or is unavailable.
    #[error("event store: {0}")]
    Database(#[from] DbErr),
    /// Another reader has advanced the offset: this transaction must not be committed.
    #[error("the offset of {topic}/{partition} is no longer the one this batch starts at")]
    OffsetMoved {
        /// The topic.
        topic: String,
        /// The partition of it.
        partition: i32,
    },
    /// A stored envelope cannot be decoded.
    #[error("the envelope of event {event} cannot be decoded: {reason}")]
    Envelope {
        /// The event.
        event: Uuid,
        /// What is wrong with it.
        reason: String,
    },
    /// An event cannot be applied to its aggregate.
    #[error("event {event} ({event_type}) cannot be applied: {reason}")]
    Fold {
        /// The event.
        event: Uuid,
        /// Its type.
        event_type: String,
        /// What is wrong with it.
        reason: FoldError,
    },
}

impl StoreError {
    /// Whether the rows themselves were rejected (SQLSTATE classes 22 and 23), so that a retry fails again. Every other
    /// error is temporary.
    pub fn is_about_the_data(&self) -> bool {
        let Self::Database(error) = self else {
            return false;
        };
        database::sqlstate(error)
            .is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(database::orm_error(error))
    }
}
