//! What can be done: one verb a file. HTTP and consumers are two doors to the same verbs.

mod audit_act;
mod error;
mod note_login;
mod note_order;
mod note_tenant;
mod note_user;
mod report_platform;
mod report_tenant;

pub use audit_act::audit_act;
pub use error::ReportError;
pub use note_login::note_login;
pub use note_order::note_order;
pub use note_tenant::{TenantStep, note_tenant};
pub use note_user::note_user;
pub use report_platform::report_platform;
pub use report_tenant::report_tenant;
