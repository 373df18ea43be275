//! Why something about products and orders was not done. Nothing was written then.

use event_bus::Failure;
use service::{StoreError, scope::IdempotencyError};

use crate::domain::{NotEnough, PiecesError, ProductId, Refused};

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// There is no such product, or it is no longer sold.
    #[error("there is no product {0}")]
    NoProduct(ProductId),
    /// There is no such order, or none that the caller may know of.
    #[error("there is no such order")]
    NoOrder,
    /// There are fewer pieces than asked for.
    #[error(transparent)]
    OutOfStock(#[from] NotEnough),
    /// The order does not take this step.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The caller may see the order and may not do this with it.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// The thing has changed since the caller read it.
    #[error("it has changed since it was read: it is at version {0} now")]
    Stale(i64),
    /// The stock does not hold what it should: a mistake of ours.
    #[error(transparent)]
    Pieces(#[from] PiecesError),
    /// The `Idempotency-Key` stands against it.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<OrderError> for Failure {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Store(error) | OrderError::Idempotency(IdempotencyError::Store(error)) => {
                error.into()
            }
            other => Self::permanent(other),
        }
    }
}

impl From<OrderError> for StoreError {
    /// For jobs, which know only what the store answers: a refusal is an internal error there.
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Store(error) | OrderError::Idempotency(IdempotencyError::Store(error)) => {
                error
            }
            other => Self::Rejected(other.into()),
        }
    }
}
