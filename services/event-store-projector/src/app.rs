//! The wiring: settings in, a running service out.

use std::{sync::Arc, time::Duration};

use event_bus::{RecordDecoder, dlq::DeadLetterAdmin};
use event_store::EventStore;
use service::{Identity, Running, Runtime, Settings, StartError};
use sqlx::migrate::Migrator;

use crate::{http, projection::Projection};

/// The consumer group whose offsets show operators how far the store is. The truth is in the store.
const GROUP: &str = "event-store-projector-consumer";

/// How long Kafka may take for one answer about dead letters.
const LETTERS_PATIENCE: Duration = Duration::from_secs(5);

/// What routes and the projection share.
#[derive(Clone)]
pub struct App {
    /// What every service holds.
    pub(crate) runtime: Runtime,
    /// The store.
    pub(crate) store: EventStore,
    /// What nobody could handle.
    pub(crate) letters: DeadLetterAdmin,
}

impl App {
    /// Starts the projector.
    ///
    /// # Errors
    /// A setting is wrong, or the database does not answer.
    pub async fn start(settings: Settings) -> Result<Running, StartError> {
        let identity = Identity {
            name: "event-store",
            catalogue: Arc::new(events::Catalogue),
            // Its tables are the event store's own, which psql can make as well.
            platform: Migrator::DEFAULT,
            tenant: None,
            verifier: None,
            cache: service::Cache::disabled(),
        };
        let runtime = Runtime::start(identity, settings).await?;
        let store = EventStore::new(runtime.platform_pool().clone());
        let installed = store.install().await;
        installed.map_err(|error| StartError::dependency("the event store's tables", error))?;
        let letters = DeadLetterAdmin::new(runtime.bus(), LETTERS_PATIENCE)
            .map_err(|error| StartError::dependency("dead letters", error))?;
        let app = Self {
            runtime,
            store,
            letters,
        };
        app.runtime.follow_tenants();
        app.project_in_the_background();
        let routes = http::routes(app.clone());
        app.runtime.serve(routes)
    }

    fn project_in_the_background(&self) {
        let runtime = &self.runtime;
        let reader = RecordDecoder::new(
            runtime.bus(),
            GROUP,
            runtime.producer().registry().clone(),
            Arc::clone(runtime.catalogue()),
        );
        let topics = events::topics()
            .iter()
            .map(|topic| runtime.bus().prefixed(topic))
            .collect();
        let projection = Projection::new(self.store.clone(), reader, topics);
        runtime.spawn("projection", |stop| projection.run(stop));
    }
}
