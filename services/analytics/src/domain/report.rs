//! Reports and how order facts add up to them.

use std::{cmp::Reverse, collections::BTreeMap};

use money::{Currency, Money, MoneyError};
use serde::Serialize;
use strum::IntoEnumIterator;
use utoipa::ToSchema;

use super::OrderStatus;

/// The orders with one status and one currency, counted and summed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderGroup {
    /// Their status.
    pub status: OrderStatus,
    /// The sum of their totals.
    pub sum: Money,
    /// The number of orders.
    pub orders: i64,
    /// The number of orders that were ever paid.
    pub paid: i64,
    /// The number of orders that were ever completed.
    pub completed: i64,
}

/// The number of orders that reached each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Funnel {
    /// Orders placed.
    pub created: i64,
    /// Orders that were ever paid.
    pub paid: i64,
    /// Orders that were ever completed.
    pub completed: i64,
}

/// Totals over orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderTotals {
    /// The revenue of paid and complete orders in the main currency, which is the one of most orders. Zero euro without
    /// orders.
    pub revenue: Money,
    /// The revenue in every currency of an order, the main currency first.
    pub revenue_by_currency: Vec<Money>,
    /// The number of orders per status, including statuses without orders.
    pub by_status: BTreeMap<OrderStatus, i64>,
    /// The number of orders that reached each stage.
    pub funnel: Funnel,
}

/// The report on one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantReport {
    /// Totals of the tenant's orders.
    pub orders: OrderTotals,
    /// The number of distinct buyers.
    pub active_users: i64,
}

/// The report on the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformReport {
    /// Totals of the orders of all tenants.
    pub orders: OrderTotals,
    /// The number of distinct users who ordered or logged in.
    pub active_users: i64,
    /// The number of tenants that were created.
    pub new_tenants: i64,
    /// The number of tenants that were ever activated.
    pub activated_tenants: i64,
    /// The number of users who registered or were created.
    pub users: i64,
    /// The number of successful logins.
    pub logins: i64,
    /// The number of failed logins.
    pub failed_logins: i64,
}

impl OrderTotals {
    /// Adds the groups up.
    ///
    /// # Errors
    /// A sum is too large.
    pub fn from_groups(groups: impl IntoIterator<Item = OrderGroup>) -> Result<Self, MoneyError> {
        let mut by_currency: Vec<(i64, Money)> = Vec::new();
        let mut by_status: BTreeMap<_, _> = OrderStatus::iter().map(|status| (status, 0)).collect();
        let mut funnel = Funnel::default();
        for group in groups {
            add(&mut funnel.created, group.orders)?;
            add(&mut funnel.paid, group.paid)?;
            add(&mut funnel.completed, group.completed)?;
            add(by_status.entry(group.status).or_default(), group.orders)?;
            let (orders, revenue) = entry(&mut by_currency, group.sum.currency);
            add(orders, group.orders)?;
            if group.status.counts_as_revenue() {
                *revenue = revenue.checked_add(group.sum)?;
            }
        }
        by_currency.sort_by_key(|(orders, revenue)| {
            (Reverse(*orders), revenue.currency.as_str().to_owned())
        });
        let revenue_by_currency: Vec<_> = by_currency
            .into_iter()
            .map(|(_, revenue)| revenue)
            .collect();
        let revenue = revenue_by_currency
            .first()
            .copied()
            .unwrap_or_else(|| Money::new(0, euro()));
        Ok(Self {
            revenue,
            revenue_by_currency,
            by_status,
            funnel,
        })
    }
}

/// The number of orders and the revenue in `currency`.
fn entry(by_currency: &mut Vec<(i64, Money)>, currency: Currency) -> &mut (i64, Money) {
    let index = by_currency
        .iter()
        .position(|(_, revenue)| revenue.currency == currency)
        .unwrap_or(by_currency.len());
    if index == by_currency.len() {
        by_currency.push((0, Money::new(0, currency)));
    }
    &mut by_currency[index]
}

fn add(sum: &mut i64, more: i64) -> Result<(), MoneyError> {
    *sum = sum.checked_add(more).ok_or(MoneyError::Overflow)?;
    Ok(())
}

fn euro() -> Currency {
    "EUR".parse().expect("EUR is a currency code")
}

#[cfg(test)]
mod tests;
