//! Response bodies.

use money::Money;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{
    Limits, Module, OrderId, Package, Payment, PaymentId, PaymentStatus, Subscription,
    SubscriptionId, SubscriptionStatus,
};

/// A package.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackageView {
    /// The unique code.
    code: String,
    name: String,
    /// The price per month.
    price: Money,
    limits: Limits,
    modules: Vec<Module>,
}

impl From<Package> for PackageView {
    fn from(package: Package) -> Self {
        Self {
            code: package.code.into(),
            name: package.name,
            price: package.price,
            limits: package.limits,
            modules: package.modules,
        }
    }
}

/// A tenant's subscription.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionView {
    id: SubscriptionId,
    package: String,
    status: SubscriptionStatus,
    #[serde(with = "time::serde::rfc3339")]
    trial_ends_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    current_period_end: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
    version: i64,
}

impl SubscriptionView {
    /// The subscription with its status at `now`.
    pub fn at(now: OffsetDateTime, subscription: Subscription) -> Self {
        Self {
            id: subscription.id,
            status: subscription.status(now),
            package: subscription.package.into(),
            trial_ends_at: subscription.trial_ends_at,
            current_period_end: subscription.current_period_end,
            created_at: subscription.created_at,
            updated_at: subscription.updated_at,
            version: subscription.version,
        }
    }
}

/// The payment of an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentView {
    id: PaymentId,
    order_id: OrderId,
    buyer_id: Uuid,
    amount: Money,
    status: PaymentStatus,
    /// The gateway that settles it; `test` is the embedded test gateway.
    gateway: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
    version: i64,
}

impl From<Payment> for PaymentView {
    fn from(payment: Payment) -> Self {
        Self {
            id: payment.id,
            order_id: payment.order_id,
            buyer_id: payment.buyer_id.as_uuid(),
            amount: payment.amount,
            status: payment.status,
            gateway: payment.gateway,
            created_at: payment.created_at,
            updated_at: payment.updated_at,
            version: payment.version,
        }
    }
}
