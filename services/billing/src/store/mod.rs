//! Rows of one tenant's database, and of the platform's; no decisions.

pub mod packages;
pub mod payments;
pub mod subscriptions;

use money::Money;
use service::StoreError;

/// An amount and a currency from two columns.
fn money(amount: i64, currency: &str) -> Result<Money, StoreError> {
    let currency = currency
        .parse()
        .map_err(|error: money::NotACurrency| StoreError::corrupt("currency", error))?;
    Ok(Money::new(amount, currency))
}

/// The name of a package from its column.
fn package(name: &str) -> Result<tenancy::Package, StoreError> {
    name.parse()
        .map_err(|error: tenancy::ParseNameError| StoreError::corrupt("package", error))
}
