//! Errors of the use cases; nothing was written.

use event_bus::Failure;
use service::{StoreError, scope::IdempotencyError};

use crate::domain::{NotEnough, PiecesError, ProductId, Refused};

/// Why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The product does not exist or was deleted.
    #[error("there is no product {0}")]
    NoProduct(ProductId),
    /// The order does not exist, or the caller may not know of it.
    #[error("there is no such order")]
    NoOrder,
    /// Less stock than requested.
    #[error(transparent)]
    OutOfStock(#[from] NotEnough),
    /// The order's status does not allow the transition.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The caller may see the order but not perform this operation.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// The resource has changed since the caller read it.
    #[error("it has changed since it was read: it is at version {0} now")]
    Stale(i64),
    /// Reserved stock is inconsistent: an internal error.
    #[error(transparent)]
    Pieces(#[from] PiecesError),
    /// The `Idempotency-Key` does not allow the call.
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
    /// For jobs, which only distinguish store errors: a refusal is an internal error there.
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Store(error) | OrderError::Idempotency(IdempotencyError::Store(error)) => {
                error
            }
            other => Self::Rejected(other.into()),
        }
    }
}
