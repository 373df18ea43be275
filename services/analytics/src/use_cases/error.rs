//! Why a report could not be given.

use money::MoneyError;
use service::StoreError;

/// Why a report could not be given.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// What the facts add up to cannot be held.
    #[error("the totals cannot be added up: {0}")]
    Sum(#[from] MoneyError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
