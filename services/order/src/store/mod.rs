//! Queries over the tables of one tenant's database and of the platform database. No decisions.

pub mod buyers;
pub mod deadlines;
mod entities;
pub mod orders;
pub mod products;

use money::Money;
use service::StoreError;

/// An amount and a currency from two columns.
fn money(amount: i64, currency: &str) -> Result<Money, StoreError> {
    let currency = currency
        .parse()
        .map_err(|error: money::NotACurrency| StoreError::corrupt("currency", error))?;
    Ok(Money::new(amount, currency))
}
