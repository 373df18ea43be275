//! Events in, people told.

mod orders;
mod tenants;
mod users;

use event_bus::{Envelope, Failure};
use tenancy::TenantId;

use crate::{App, domain::AboutTenant};

/// Starts every consumer of the service.
pub(crate) fn start(app: &App) {
    users::start(app);
    orders::start(app);
    tenants::start(app);
}

/// The tenant that an event of a tenant names; its payload says the code.
fn tenant(envelope: &Envelope, code: &str) -> Result<AboutTenant, Failure> {
    let named = envelope
        .tenant
        .as_ref()
        .ok_or_else(|| Failure::permanent("the event names no tenant"))?;
    Ok(AboutTenant {
        id: TenantId(named.id),
        code: code.to_owned(),
        region: Some(named.region.clone()),
    })
}
