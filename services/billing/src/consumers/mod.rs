//! The other door: events in, use cases called.

mod orders;
mod tenants;

use crate::App;

/// Starts every consumer of the service.
pub(crate) fn start(app: &App) {
    tenants::start(app);
    orders::start(app);
}
