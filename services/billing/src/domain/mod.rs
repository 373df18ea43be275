//! Payments, packages and subscriptions: types, state machines, decisions. Free of actix, sea-orm, sqlx and rdkafka.

mod ids;
mod package;
mod payment;
mod subscription;

pub use ids::{OrderId, PaymentId, SubscriptionId};
pub use package::{Limits, Module, Package};
pub use payment::{AmountDue, Change, Payment, PaymentCancelled, PaymentStatus, Reversal, Seller};
pub use subscription::{Subscription, SubscriptionStatus, TRIAL};
