//! Tenants and their onboarding: types, state machines, decisions. Free of actix, sea-orm, sqlx and rdkafka.

mod events;
mod names;
mod onboarding;
mod placement;
mod tenant;

pub use events::{Change, TenantEvent};
pub use names::{BillingEmail, InvalidText, TenantName};
pub use onboarding::{Onboarding, Step, StepProgress, StepState};
pub use placement::least_loaded;
pub use tenant::{Admin, InvalidTransition, NewTenant, Tenant};
