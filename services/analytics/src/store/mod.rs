//! Rows of one tenant's database, and of the platform's; no decisions.

pub mod audit;
pub mod logins;
pub mod orders;
pub mod tenants;
pub mod users;

use money::Money;
use service::StoreError;

/// An amount and a currency from two columns.
fn money(amount: i64, currency: &str) -> Result<Money, StoreError> {
    let currency = currency
        .parse()
        .map_err(|error: money::ParseCurrencyError| StoreError::corrupt("currency", error))?;
    Ok(Money::new(amount, currency))
}
