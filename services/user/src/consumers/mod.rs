//! What this service hears from others.

mod tenants;

use service::Runtime;

/// Starts every consumer.
pub fn start(runtime: &Runtime) {
    runtime.follow_tenants();
    tenants::start(runtime);
}
