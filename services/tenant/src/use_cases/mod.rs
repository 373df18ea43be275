//! What can be done: one verb a file. HTTP and consumers are two doors to the same verbs.

mod activate_tenant;
mod create_tenant;
mod error;
mod list_tenants;
mod note_admin;
mod note_guide;
mod provision_databases;
mod read_tenant;
mod record;
mod suspend_tenant;

pub use activate_tenant::activate_tenant;
pub use create_tenant::create_tenant;
pub use error::TenantError;
pub use list_tenants::list_tenants;
pub use note_admin::note_admin;
pub use note_guide::{GuideNews, note_guide};
pub use provision_databases::provision_databases;
pub use read_tenant::{read_onboarding, read_tenant};
pub use suspend_tenant::suspend_tenant;
