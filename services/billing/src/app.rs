//! The wiring: settings in, a running service out.

use std::sync::Arc;

use service::{Identity, Running, Runtime, Settings, StartError};

use crate::{
    consumers,
    gateway::{LinkKey, PaymentGateway, TestGateway},
    http,
    settings::BillingSettings,
};

/// What routes and consumers share.
#[derive(Clone)]
pub struct App {
    /// What every service holds.
    pub runtime: Runtime,
    /// Who moves the money.
    pub gateway: Arc<dyn PaymentGateway>,
    /// The signature of payment links.
    pub links: LinkKey,
}

impl App {
    /// Starts the billing service.
    ///
    /// # Errors
    /// A setting is wrong, or the database does not answer.
    pub async fn start(settings: Settings, own: BillingSettings) -> Result<Running, StartError> {
        let links = match own.payment_link_key {
            Some(key) => LinkKey::new(&key),
            None => LinkKey::derived(&settings.service_secret),
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
