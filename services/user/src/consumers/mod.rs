//! Consumers of other services' events.

mod tenants;

use service::Runtime;

/// Starts every consumer.
pub fn start(runtime: &Runtime) {
    runtime.follow_tenants();
    tenants::start(runtime);
}
