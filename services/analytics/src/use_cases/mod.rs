//! Use cases, one per file; HTTP handlers and event consumers call the same ones.

mod error;
mod record_audit_entry;
mod record_login;
mod record_order;
mod record_tenant;
mod record_user;
mod report_platform;
mod report_tenant;

pub use error::ReportError;
pub use record_audit_entry::record_audit_entry;
pub use record_login::record_login;
pub use record_order::record_order;
pub use record_tenant::{TenantMilestone, record_tenant};
pub use record_user::record_user;
pub use report_platform::report_platform;
pub use report_tenant::report_tenant;
