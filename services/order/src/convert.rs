//! Conversions of domain types to their form in events.

use money::Money;

/// Money as events carry it.
#[must_use]
pub fn event_money(money: Money) -> events::Money {
    events::Money {
        amount: money.amount,
        currency: money.currency.to_string(),
    }
}
