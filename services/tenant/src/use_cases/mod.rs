//! Use cases, one per file; HTTP handlers, event consumers and the provisioning job call the same ones.

mod activate_tenant;
mod apply_changes;
mod create_tenant;
mod error;
mod list_tenants;
mod provision_databases;
mod read_tenant;
mod record_admin;
mod record_guide;
mod suspend_tenant;

pub use activate_tenant::activate_tenant;
pub use create_tenant::create_tenant;
pub use error::TenantError;
pub use list_tenants::list_tenants;
pub use provision_databases::DatabaseProvisioning;
pub use read_tenant::{read_onboarding, read_tenant};
pub use record_admin::record_admin;
pub use record_guide::{GuideOutcome, record_guide};
pub use suspend_tenant::suspend_tenant;
