//! Why something is not answered.

use event_store::StoreError;

/// A question without an answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is none, or none that this caller may know of.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// A customer reads one order at a time.
    #[error("name one of your orders: aggregate=order and its aggregateId")]
    NameYourOrder,
    /// Events at its beginning are not in the store.
    #[error("{0}")]
    NoBeginning(String),
    /// The store did not answer.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Fold { reason, .. } => Self::NoBeginning(reason.to_string()),
            error => Self::Store(error),
        }
    }
}
