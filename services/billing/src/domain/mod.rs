//! What a payment and a subscription are and may become. Nothing here knows of HTTP, SQL or Kafka.

mod ids;
mod package;
mod payment;
mod subscription;

pub use ids::{OrderId, PaymentId, SubscriptionId};
pub use package::{Limits, Module, Package};
pub use payment::{Change, Due, End, NoStatus, Payment, Refused, Seller, Status};
pub use subscription::{Standing, Subscription, TRIAL};
