//! What is known, how it adds up, and whose acts are audited. Nothing here knows of HTTP, SQL or Kafka.

mod act;
mod ids;
mod login;
mod order_facts;
mod report;
mod status;

pub use act::{Act, ActTenant, Person};
pub use ids::{EventId, OrderId};
pub use login::{Login, Outcome};
pub use order_facts::{OrderFacts, Step};
pub use report::{Funnel, Group, OrderTotals, PlatformReport, TenantReport};
pub use status::{NoStatus, Status};
