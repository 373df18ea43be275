//! Event consumers: each handler calls one use case.

mod orders;
mod tenants;
mod users;

use event_bus::{Envelope, Failure};
use tenancy::TenantId;

use crate::{App, domain::TenantSummary};

/// Starts every consumer of the service.
pub(crate) fn start(app: &App) {
    users::start(app);
    orders::start(app);
    tenants::start(app);
}

/// The tenant in the event's envelope, with the code from its payload.
fn tenant(envelope: &Envelope, code: &str) -> Result<TenantSummary, Failure> {
    let named = envelope
        .tenant
        .as_ref()
        .ok_or_else(|| Failure::permanent("the event names no tenant"))?;
    Ok(TenantSummary {
        id: TenantId(named.id),
        code: code.to_owned(),
        region: Some(named.region.clone()),
    })
}
