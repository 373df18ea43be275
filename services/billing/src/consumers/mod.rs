//! Event consumers. Each handler calls one use case.

mod orders;
mod tenants;

use crate::App;

/// Starts all consumers of the service.
pub(crate) fn start(app: &App) {
    tenants::start(app);
    orders::start(app);
}
