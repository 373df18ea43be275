//! The other door: events in, use cases called.

mod billing;
mod cache;

use crate::App;

/// Starts every consumer of the service.
pub(crate) fn start(app: &App) {
    billing::start(app);
    cache::start(app);
}
