//! How facts add up.

use std::{cmp::Reverse, collections::BTreeMap};

use money::{Currency, Money, MoneyError};
use serde::Serialize;
use utoipa::ToSchema;

use super::Status;

/// Orders of one status and one currency, counted and summed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Where they are.
    pub status: Status,
    /// The sum of their totals.
    pub sum: Money,
    /// How many there are.
    pub orders: i64,
    /// How many of them were ever paid.
    pub paid: i64,
    /// How many of them were ever completed.
    pub completed: i64,
}

/// How far orders came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Funnel {
    /// Orders placed.
    pub created: i64,
    /// Those of them that were ever paid.
    pub paid: i64,
    /// Those of them that were ever completed.
    pub completed: i64,
}

/// What orders add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderTotals {
    /// What paid and complete orders brought in the main currency, the one in which most orders are. Without orders:
    /// nothing, in euro.
    pub revenue: Money,
    /// The same in every currency that orders are in, the main one first.
    pub revenue_by_currency: Vec<Money>,
    /// How many orders are where; every status is there.
    pub by_status: BTreeMap<Status, i64>,
    /// How far they came.
    pub funnel: Funnel,
}

/// The figures of one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantReport {
    /// Its orders.
    pub orders: OrderTotals,
    /// Distinct users who ordered.
    pub active_users: i64,
}

/// The figures of the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformReport {
    /// The orders of all tenants.
    pub orders: OrderTotals,
    /// Distinct users who ordered or logged in.
    pub active_users: i64,
    /// Tenants created.
    pub new_tenants: i64,
    /// Tenants that opened for business.
    pub activated_tenants: i64,
    /// Users who registered or were made.
    pub users: i64,
    /// Logins that succeeded.
    pub logins: i64,
    /// Logins that failed.
    pub failed_logins: i64,
}

impl OrderTotals {
    /// Adds the groups up.
    ///
    /// # Errors
    /// A sum cannot be held.
    pub fn of(groups: impl IntoIterator<Item = Group>) -> Result<Self, MoneyError> {
        let mut by_currency: Vec<(i64, Money)> = Vec::new();
        let mut by_status: BTreeMap<_, _> = Status::ALL.map(|status| (status, 0)).into();
        let mut funnel = Funnel::default();
        for group in groups {
            add(&mut funnel.created, group.orders)?;
            add(&mut funnel.paid, group.paid)?;
            add(&mut funnel.completed, group.completed)?;
            add(by_status.entry(group.status).or_default(), group.orders)?;
            let (orders, revenue) = of_currency(&mut by_currency, group.sum.currency);
            add(orders, group.orders)?;
            if group.status.earns() {
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

fn of_currency(by_currency: &mut Vec<(i64, Money)>, currency: Currency) -> &mut (i64, Money) {
    let at = by_currency
        .iter()
        .position(|(_, revenue)| revenue.currency == currency)
        .unwrap_or(by_currency.len());
    if at == by_currency.len() {
        by_currency.push((0, Money::new(0, currency)));
    }
    &mut by_currency[at]
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
