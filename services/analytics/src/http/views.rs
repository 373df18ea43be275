//! Response bodies.

use std::collections::BTreeMap;

use money::Money;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Funnel, OrderStatus, OrderTotals, PlatformReport, TenantReport};

/// The envelope of a successful response.
#[derive(Debug, Serialize, ToSchema)]
pub struct Success<T> {
    /// Always `success`.
    #[schema(value_type = String, example = "success")]
    status: &'static str,
    /// The report.
    data: T,
}

impl<T> Success<T> {
    /// Wraps a report.
    pub fn new(data: T) -> Self {
        Self {
            status: "success",
            data,
        }
    }
}

/// Totals over orders.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrdersView {
    /// All orders, whatever their status.
    total_orders: i64,
    /// The revenue of paid and complete orders in the main currency, which is the one of most orders.
    total_revenue: Money,
    /// The revenue in every currency, the main currency first.
    revenue_by_currency: Vec<Money>,
    /// The number of orders per status.
    #[schema(value_type = BTreeMap<String, i64>)]
    orders_by_status: BTreeMap<OrderStatus, i64>,
    /// The number of orders that reached each stage.
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

/// The report on a tenant.
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

/// The report over all tenants.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlatformView {
    #[serde(flatten)]
    orders: OrdersView,
    /// Distinct users who ordered or logged in.
    active_users: i64,
    /// Tenants created.
    new_tenants: i64,
    /// Tenants that were ever activated.
    activated_tenants: i64,
    /// Users who registered or were created.
    users: i64,
    /// Successful logins.
    logins: i64,
    /// Failed logins.
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
