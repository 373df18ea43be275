//! Where the product is.

use std::path::PathBuf;

use anyhow::Context;

/// Addresses and credentials that the journey needs. In the local stack all services are behind one ingress.
#[derive(Clone, Debug)]
pub struct Places {
    /// Base URL of the user service.
    pub user: String,
    /// Base URL of the tenant service.
    pub tenant: String,
    /// Base URL of the order service.
    pub order: String,
    /// Base URL of the notification service.
    pub notification: String,
    /// Base URL of the analytics service.
    pub analytics: String,
    /// Base URL of the event store.
    pub event_store: String,
    /// Where mails are written as files.
    pub mail_dir: PathBuf,
    /// Kafka and the registry, with the names' prefix.
    pub bus: event_bus::BusSettings,
    /// The landlord's e-mail.
    pub landlord_email: String,
    /// The landlord's password.
    pub landlord_password: String,
}

impl Places {
    /// The local stack, as its environment names it.
    ///
    /// # Errors
    /// A variable is missing.
    pub fn from_environment() -> anyhow::Result<Self> {
        let read = |name: &str| {
            std::env::var(name)
                .with_context(|| format!("{name} is not set: run this through `make demo`"))
        };
        let ingress = read("TENANTRY_PUBLIC_URL")?;
        let mut bus =
            event_bus::BusSettings::new(read("TENANTRY_KAFKA")?, read("TENANTRY_REGISTRY")?);
        "journey".clone_into(&mut bus.client_id);
        Ok(Self {
            user: ingress.clone(),
            tenant: ingress.clone(),
            order: ingress.clone(),
            notification: ingress.clone(),
            analytics: ingress.clone(),
            event_store: ingress,
            mail_dir: read("TENANTRY_MAIL_DIR")?.into(),
            bus,
            landlord_email: read("TENANTRY_LANDLORD_EMAIL")?,
            landlord_password: read("TENANTRY_LANDLORD_PASSWORD")?,
        })
    }
}
