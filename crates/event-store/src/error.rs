//! What can go wrong with the store.

use uuid::Uuid;

use crate::FoldError;

/// The store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or is away.
    #[error("event store: {0}")]
    Database(#[from] sqlx::Error),
    /// Somebody else has read on: this transaction must not be committed.
    #[error("the offset of {topic}/{partition} is no longer the one this batch starts at")]
    OffsetMoved {
        /// The topic.
        topic: String,
        /// The partition of it.
        partition: i32,
    },
    /// A stored envelope does not read.
    #[error("the envelope of event {event} does not read: {reason}")]
    Envelope {
        /// The event.
        event: Uuid,
        /// What is wrong with it.
        reason: String,
    },
    /// An event does not fit its aggregate.
    #[error("event {event} ({event_type}) does not fold: {reason}")]
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
    /// Whether the rows themselves were refused (SQLSTATE classes 22 and 23), so that trying again is
    /// of no use. Everything else passes when the database is well.
    pub fn is_about_the_data(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else {
            return false;
        };
        error
            .code()
            .is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
    }
}
