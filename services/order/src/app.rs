//! Wires the service together.

use std::{sync::Arc, time::Duration};

use cache::Cache;
use service::{
    Identity, JobSettings, Running, Runtime, Settings, StartError, settings::InvalidSetting,
};

use crate::{consumers, http, settings::OrderSettings, use_cases::OrderDeadlines};

const DEADLINE_JOB: JobSettings = JobSettings {
    concurrency: 4,
    poll_interval: Duration::from_millis(500),
};

/// What routes, consumers and jobs share.
#[derive(Clone)]
pub struct App {
    /// The service runtime.
    pub runtime: Runtime,
    /// The order service's own settings.
    pub settings: OrderSettings,
}

impl App {
    /// Starts the order service.
    ///
    /// # Errors
    /// A setting is invalid, or the database does not answer.
    pub async fn start(settings: Settings, own: OrderSettings) -> Result<Running, StartError> {
        let cache = match settings.redis_url() {
            Some(url) => Cache::connect(url)
                .await
                .map_err(|error| InvalidSetting::new("TENANTRY_REDIS", error))?,
            None => Cache::disabled(),
        };
        let identity = Identity {
            name: "order",
            catalogue: Arc::new(events::Catalogue),
            platform: sqlx::migrate!("migrations/platform"),
            tenant: Some(sqlx::migrate!("migrations/tenant")),
            verifier: None,
            cache,
        };
        let runtime = Runtime::start(identity, settings).await?;
        let app = Self {
            runtime,
            settings: own,
        };
        app.runtime.follow_tenants();
        consumers::start(&app);
        app.runtime
            .run_job(OrderDeadlines(app.clone()), DEADLINE_JOB);
        let routes = http::routes(app.clone());
        app.runtime.serve(routes)
    }
}
