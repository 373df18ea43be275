//! Event consumers: each event calls a use case.

mod billing;
mod cache;

use crate::App;

/// Starts every consumer of the service.
pub(crate) fn start(app: &App) {
    billing::start(app);
    cache::start(app);
}
