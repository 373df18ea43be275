//! Assembles the service from its settings.

use std::sync::Arc;

use service::{Identity, Running, Runtime, Settings, StartError};

use crate::{
    consumers,
    gateway::{LinkKey, PaymentGateway, TestGateway},
    http,
    settings::BillingSettings,
};

/// The shared state of routes and consumers.
#[derive(Clone)]
pub struct App {
    /// The common parts of every service.
    pub runtime: Runtime,
    /// The payment gateway.
    pub gateway: Arc<dyn PaymentGateway>,
    /// The signing key of payment links.
    pub links: LinkKey,
}

impl App {
    /// Starts the billing service.
    ///
    /// # Errors
    /// A setting is invalid, or the database is unavailable.
    pub async fn start(settings: Settings, own: BillingSettings) -> Result<Running, StartError> {
        let links = match own.payment_link_key {
            Some(key) => LinkKey::new(&key),
            None => LinkKey::derive(&settings.service_secret),
        };
        let gateway = Arc::new(TestGateway::new(&settings.public_url, links.clone()));
        let identity = Identity {
            name: "billing",
            catalogue: Arc::new(events::Catalogue),
            platform: sqlx::migrate!("migrations/platform"),
            tenant: Some(sqlx::migrate!("migrations/tenant")),
            verifier: None,
            cache: service::Cache::disabled(),
        };
        let runtime = Runtime::start(identity, settings).await?;
        let app = Self {
            runtime,
            gateway,
            links,
        };
        app.runtime.follow_tenants();
        consumers::start(&app);
        let routes = http::routes(app.clone());
        app.runtime.serve(routes)
    }
}
