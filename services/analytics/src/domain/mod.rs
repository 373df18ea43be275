//! Facts about orders, how they add up to reports, and the audit trail. Free of actix, sea-orm, sqlx and rdkafka.

mod audit;
mod ids;
mod login;
mod order_fact;
mod report;
mod status;

pub use audit::{AuditEntry, AuditTenant, HumanActor};
pub use ids::{EventId, OrderId};
pub use login::{LoginAttempt, LoginOutcome};
pub use order_fact::{OrderFact, OrderTransition};
pub use report::{Funnel, OrderGroup, OrderTotals, PlatformReport, TenantReport};
pub use status::OrderStatus;
