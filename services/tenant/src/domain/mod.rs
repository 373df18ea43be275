//! What a tenant is and what may happen to it. Decisions only: no HTTP, no SQL, no Kafka.

mod events;
mod names;
mod onboarding;
mod placement;
mod tenant;

pub use events::{Change, Happened};
pub use names::{BillingEmail, InvalidText, TenantName};
pub use onboarding::{Onboarding, Progress, Step, StepState};
pub use placement::least_filled;
pub use tenant::{Admin, Draft, Refused, Tenant};
