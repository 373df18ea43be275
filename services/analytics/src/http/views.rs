//! Bodies: what clients see.

use std::collections::BTreeMap;

use money::Money;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Funnel, OrderTotals, PlatformReport, Status, TenantReport};

/// A good answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Success<T> {
    /// Always `success`.
    #[schema(value_type = String, example = "success")]
    status: &'static str,
    /// The figures.
    data: T,
}

impl<T> Success<T> {
    /// Around these figures.
    pub fn of(data: T) -> Self {
        Self {
            status: "success",
            data,
        }
    }
}

/// What orders add up to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrdersView {
    /// Orders placed, whatever became of them.
    total_orders: i64,
    /// What paid and complete orders brought in the main currency, the one in which most orders are.
    total_revenue: Money,
    /// The same in every currency, the main one first.
    revenue_by_currency: Vec<Money>,
    /// How many orders are where.
    #[schema(value_type = BTreeMap<String, i64>)]
    orders_by_status: BTreeMap<Status, i64>,
    /// How far orders came.
    funnel: Funnel,
}

impl From<OrderTotals> for OrdersView {
    fn from(totals: OrderTotals) -> Self {
        Self {
            total_orders: totals.funnel.created,
            total_revenue: totals.revenue,
            revenue_by_currency: totals.revenue_by_currency,
            orders_by_status: totals.by_status,
            funnel: totals.funnel,
        }
    }
}

/// The figures of a tenant.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantView {
    #[serde(flatten)]
    orders: OrdersView,
    /// Distinct users who ordered.
    active_users: i64,
}

impl From<TenantReport> for TenantView {
    fn from(report: TenantReport) -> Self {
        Self {
            orders: report.orders.into(),
            active_users: report.active_users,
        }
    }
}

/// The figures over all tenants.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlatformView {
    #[serde(flatten)]
    orders: OrdersView,
    /// Distinct users who ordered or logged in.
    active_users: i64,
    /// Tenants created.
    new_tenants: i64,
    /// Tenants that opened for business.
    activated_tenants: i64,
    /// Users who registered or were made.
    users: i64,
    /// Logins that succeeded.
    logins: i64,
    /// Logins that failed.
    failed_logins: i64,
}

impl From<PlatformReport> for PlatformView {
    fn from(report: PlatformReport) -> Self {
        Self {
            orders: report.orders.into(),
            active_users: report.active_users,
            new_tenants: report.new_tenants,
            activated_tenants: report.activated_tenants,
            users: report.users,
            logins: report.logins,
            failed_logins: report.failed_logins,
        }
    }
}
