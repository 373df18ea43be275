//! Assembles the service from its settings.

use std::sync::Arc;

use service::{Identity, Running, Runtime, Settings, StartError};

use crate::{consumers, http};

/// The analytics service. Its routes need no state besides the common parts of every service.
pub struct App;

impl App {
    /// Starts the analytics service.
    ///
    /// # Errors
    /// A setting is invalid, or the database is unavailable.
    pub async fn start(settings: Settings) -> Result<Running, StartError> {
        let identity = Identity {
            name: "analytics",
            catalogue: Arc::new(events::Catalogue),
            platform: sqlx::migrate!("migrations/platform"),
            tenant: Some(sqlx::migrate!("migrations/tenant")),
            verifier: None,
            cache: service::Cache::disabled(),
        };
        let runtime = Runtime::start(identity, settings).await?;
        runtime.follow_tenants();
        consumers::start(&runtime);
        runtime.serve(http::routes)
    }
}
