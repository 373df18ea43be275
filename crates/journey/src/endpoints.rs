//! Addresses and credentials of the product.

use std::path::PathBuf;

use anyhow::Context;

/// The addresses and credentials for the journey. In the local stack, all services have the URL of the ingress.
#[derive(Clone, Debug)]
pub struct Endpoints {
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
    /// The directory in which e-mails are written as files.
    pub mail_dir: PathBuf,
    /// Kafka, the registry and the topic prefix.
    pub bus: event_bus::BusSettings,
    /// The platform administrator's e-mail address.
    pub platform_admin_email: String,
    /// The platform administrator's password.
    pub platform_admin_password: String,
}

impl Endpoints {
    /// Reads the endpoints of the local stack from environment variables.
    ///
    /// # Errors
    /// A variable is not set.
    pub fn from_environment() -> anyhow::Result<Self> {
        let read = |name: &str| {
            std::env::var(name).with_context(|| format!("{name} is not set: run `make demo`"))
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
            platform_admin_email: read("TENANTRY_LANDLORD_EMAIL")?,
            platform_admin_password: read("TENANTRY_LANDLORD_PASSWORD")?,
        })
    }
}
