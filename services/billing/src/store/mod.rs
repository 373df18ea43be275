//! Queries over the tables of one tenant's database and of the platform database. No decisions.

mod entities;
pub mod packages;
pub mod payments;
pub mod subscriptions;

use service::StoreError;

/// A package's code from its column.
fn package_code(text: &str) -> Result<tenancy::Package, StoreError> {
    text.parse()
        .map_err(|error: tenancy::ParseNameError| StoreError::corrupt("package code", error))
}
