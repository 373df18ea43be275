//! The wiring: settings in, a running service out.

use std::sync::Arc;

use service::{Identity, Running, Runtime, Settings, StartError};

use crate::{consumers, http};

/// The analytics service. It has nothing to share between its routes but what every service holds.
pub struct App;

impl App {
    /// Starts the analytics service.
    ///
    /// # Errors
    /// A setting is wrong, or the database does not answer.
    pub async fn start(settings: Settings) -> Result<Running, StartError> {
        let identity = Identity {
            name: "analytics",
            catalogue: Arc::new(events::Catalogue),
            platform: sqlx::migrate!("migrations/platform"),
            tenant: Some(sqlx::migrate!("migrations/tenant")),
            verifier: None,
            cache: service::Cache::none(),
        };
        let runtime = Runtime::start(identity, settings).await?;
        runtime.follow_tenants();
        consumers::start(&runtime);
        runtime.serve(http::routes)
    }
}
