//! The wiring: settings in, a running service out.

use std::{sync::Arc, time::Duration};

use cache::Cache;
use service::{
    Identity, Running, Runtime, Settings, StartError, TenantScope, settings::BadSetting,
};

use crate::{
    consumers, http,
    settings::OrderSettings,
    use_cases::{self, PRODUCTS},
};

/// How often deadlines are looked at.
const LOOK_AT_DEADLINES: Duration = Duration::from_millis(500);

/// What routes, consumers and timers share.
#[derive(Clone)]
pub struct App {
    /// What every service holds.
    pub runtime: Runtime,
    /// The cache of product reads.
    pub cache: Cache,
    /// The order service's own settings.
    pub settings: OrderSettings,
}

impl App {
    /// Starts the order service.
    ///
    /// # Errors
    /// A setting is wrong, or the database does not answer.
    pub async fn start(settings: Settings, own: OrderSettings) -> Result<Running, StartError> {
        let cache = match settings.redis_url() {
            Some(url) => Cache::connect(url)
                .await
                .map_err(|error| BadSetting::new("TENANTRY_REDIS", error))?,
            None => Cache::none(),
        };
        let identity = Identity {
            name: "order",
            catalogue: Arc::new(events::Catalogue),
            platform: sqlx::migrate!("migrations/platform"),
            tenant: Some(sqlx::migrate!("migrations/tenant")),
            verifier: None,
        };
        let runtime = Runtime::start(identity, settings).await?;
        let app = Self {
            runtime,
            cache,
            settings: own,
        };
        app.runtime.follow_tenants();
        consumers::start(&app);
        app.expire_in_the_background();
        let routes = http::routes(app.clone());
        app.runtime.serve(routes)
    }

    /// Drops the cached reads of a tenant's products, after a change of theirs has committed.
    pub(crate) async fn forget_products(&self, tenant: &TenantScope) {
        self.cache.invalidate(tenant.tenant().id.0, PRODUCTS).await;
    }

    fn expire_in_the_background(&self) {
        let app = self.clone();
        self.runtime.spawn("order deadlines", |stop| async move {
            let mut ticks = tokio::time::interval(LOOK_AT_DEADLINES);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                if let Err(error) = use_cases::expire_orders(&app).await {
                    tracing::warn!(%error, "deadlines cannot be looked at");
                }
            }
        });
    }
}
