//! Errors of reports.

use money::MoneyError;
use service::StoreError;

/// Why a report cannot be computed.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A total is too large.
    #[error("the totals cannot be added up: {0}")]
    Sum(#[from] MoneyError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
