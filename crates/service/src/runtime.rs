//! The resources of a running service: opened once, shared by routes, consumers and jobs, closed in order.

mod open;

use std::{
    net::TcpListener,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use auth::{ServiceTokens, Verifier};
use cache::Cache;
use event_bus::{
    BusSettings, Consumer, ConsumerHandle, ConsumerStatus, Handler, Producer, SchemaSource,
};
use outbox::{DirtyOutboxes, Relay, RelaySettings, RelayWaker};
use sea_orm::DatabaseConnection;
use sqlx::{PgPool, migrate::Migrator};
use tenancy::{Datasources, Directory, Tenant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Context, PlatformScope, Settings, StartError, StoreError, TenantScope,
    outboxes::ServiceOutboxes, settings::InvalidSetting,
};

/// What distinguishes a service: its name, its schemas, its event types.
pub struct Identity {
    /// Its name, which is also that of its schema in tenant databases and the first word of its consumer groups.
    pub name: &'static str,
    /// The event types it publishes or consumes.
    pub catalogue: Arc<dyn SchemaSource>,
    /// The tables of its platform database.
    pub platform: Migrator,
    /// The tables of its schema in each tenant database, if it has one.
    pub tenant: Option<Migrator>,
    /// Verifies tokens without fetching keys: for the service that issues them.
    pub verifier: Option<Verifier>,
    /// The cache of its reads; [`Cache::disabled`] for a service that caches nothing.
    pub cache: Cache,
}

/// The resources of a running service. Cheap to clone.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    name: &'static str,
    settings: Settings,
    bus: BusSettings,
    catalogue: Arc<dyn SchemaSource>,
    producer: Arc<Producer>,
    platform: PgPool,
    datasources: Option<Datasources>,
    directory: Directory,
    dirty_outboxes: Arc<DirtyOutboxes>,
    waker: RelayWaker,
    verifier: Verifier,
    cache: Cache,
    tokens: ServiceTokens,
    consumers: Mutex<Vec<ConsumerHandle>>,
    /// Stops consumers, jobs and sockets.
    stop: CancellationToken,
    tasks: TaskTracker,
    /// Stops the relay, after everything that publishes has stopped.
    stop_relay: CancellationToken,
    relay: TaskTracker,
}

impl Runtime {
    /// Opens the platform database, migrates it and the template, and starts the relay. Only the database must be
    /// available: Kafka, the registry, Redis and the other services may become available later.
    ///
    /// # Errors
    /// [`StartError`]: a setting is invalid, or the database does not answer within 30 seconds.
    pub async fn start(identity: Identity, settings: Settings) -> Result<Self, StartError> {
        let Identity {
            name,
            catalogue,
            platform: own_tables,
            tenant: tenant_tables,
            verifier,
            cache,
        } = identity;
        let platform = open::platform(name, &settings).await?;
        open::migrate_platform(&platform, &own_tables).await?;
        if let Some(tables) = &tenant_tables {
            open::migrate_template(name, &settings, tables).await?;
        }

        let tokens = ServiceTokens::new(&settings.user_url, name, settings.service_secret.clone());
        let directory = Directory::new(
            platform.clone(),
            open::tenant_source(name, &settings, &tokens)?,
        );
        let datasources = match &tenant_tables {
            Some(_) => Some(open::datasources(name, &settings)?),
            None => None,
        };
        let bus = settings.bus(name);
        let producer = Producer::new(&bus, Arc::clone(&catalogue)).map_err(|error| {
            InvalidSetting::new(
                "TENANTRY_KAFKA, TENANTRY_KAFKA_OPTIONS, TENANTRY_REGISTRY",
                error,
            )
        })?;
        let producer = Arc::new(producer);
        let dirty_outboxes = Arc::new(DirtyOutboxes::new(platform.clone()));
        let outboxes = ServiceOutboxes {
            platform: platform.clone(),
            datasources: datasources.clone(),
            directory: directory.clone(),
            dirty_outboxes: Arc::clone(&dirty_outboxes),
        };
        let (relay, waker) = Relay::new(
            Arc::new(outboxes),
            Arc::clone(&producer),
            RelaySettings::default(),
        );
        let verifier = verifier.unwrap_or_else(|| Verifier::new(settings.jwks_url.clone()));
        let runtime = Self(Arc::new(Inner {
            name,
            bus,
            catalogue,
            producer,
            platform,
            datasources,
            directory,
            dirty_outboxes,
            waker,
            verifier,
            cache,
            tokens,
            consumers: Mutex::default(),
            settings,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            stop_relay: CancellationToken::new(),
            relay: TaskTracker::new(),
        }));
        runtime
            .0
            .relay
            .spawn(relay.run(runtime.0.stop_relay.clone()));
        if let Some(datasources) = runtime.0.datasources.clone() {
            runtime.spawn("datasource sweep", |stop| async move {
                datasources.sweep(stop).await;
            });
        }
        Ok(runtime)
    }

    /// The service's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// The settings it was started with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Settings of the event bus.
    #[must_use]
    pub fn bus(&self) -> &BusSettings {
        &self.0.bus
    }

    /// The event types it knows.
    #[must_use]
    pub fn catalogue(&self) -> &Arc<dyn SchemaSource> {
        &self.0.catalogue
    }

    /// The producer that the relay publishes with.
    #[must_use]
    pub fn producer(&self) -> &Arc<Producer> {
        &self.0.producer
    }

    /// The pool of the platform database. Writes that publish go through [`PlatformScope`].
    #[must_use]
    pub fn platform_pool(&self) -> &PgPool {
        &self.0.platform
    }

    /// The platform database as a sea-orm connection, for statements outside a transaction.
    #[must_use]
    pub fn platform_db(&self) -> DatabaseConnection {
        self.0.platform.clone().into()
    }

    /// The directory of tenants.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.0.directory
    }

    /// Verifies access tokens.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    /// The cache of the service's reads.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.0.cache
    }

    /// Access tokens for calls to other services.
    #[must_use]
    pub fn tokens(&self) -> &ServiceTokens {
        &self.0.tokens
    }

    /// The platform database, for one request or event.
    #[must_use]
    pub fn platform(&self, context: Context) -> PlatformScope {
        PlatformScope::new(self.clone(), context)
    }

    /// A tenant's database, for one request or event. The caller checks whether the tenant may be used.
    #[must_use]
    pub fn tenant(&self, tenant: Arc<Tenant>, context: Context) -> TenantScope {
        TenantScope::new(tenant, self.clone(), context)
    }

    /// Runs a background task that ends when its token is cancelled. Shutdown waits for it; an unexpected end is logged.
    pub fn spawn<F>(&self, name: &'static str, work: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.0.stop.clone();
        let work = work(stop.clone());
        self.0.tasks.spawn(async move {
            let ended = tokio::spawn(work).await;
            match ended {
                Err(error) => tracing::error!(task = name, %error, "background task panicked"),
                Ok(()) if !stop.is_cancelled() => {
                    tracing::error!(task = name, "background task ended unexpectedly");
                }
                Ok(()) => {}
            }
        });
    }

    /// Starts a consumer that stops with the runtime. Handlers that write to a database use [`crate::EventConsumer`],
    /// which adds the inbox.
    pub fn consume(
        &self,
        group: impl Into<String>,
        topics: &[&'static str],
        handler: impl Handler,
    ) {
        let group = group.into();
        let built = Consumer::builder(self.bus(), group.clone())
            .topics(topics.iter().copied())
            .catalogue(Arc::clone(self.catalogue()))
            .handler(handler)
            .build();
        match built {
            Ok(consumer) => {
                self.controls().push(consumer.handle());
                self.spawn("consumer", |stop| async move {
                    if let Err(error) = consumer.run(stop).await {
                        tracing::error!(group, %error, "consumer ended");
                    }
                });
            }
            // The same librdkafka settings built the producer before, so this is an internal error.
            Err(error) => tracing::error!(group, %error, "consumer cannot be built"),
        }
    }

    /// The status of each consumer.
    #[must_use]
    pub fn consumers(&self) -> Vec<ConsumerStatus> {
        self.controls().iter().map(ConsumerHandle::status).collect()
    }

    fn controls(&self) -> MutexGuard<'_, Vec<ConsumerHandle>> {
        let consumers = &self.0.consumers;
        consumers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves the routes on the configured address; see [`crate::http::serve`].
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn serve(
        self,
        routes: impl Fn(&mut utoipa_actix_web::service_config::ServiceConfig) + Clone + Send + 'static,
    ) -> Result<crate::Running, StartError> {
        let bind = self.0.settings.bind;
        let listener = TcpListener::bind(bind).map_err(|error| {
            InvalidSetting::new("TENANTRY_BIND", format!("cannot listen on {bind}: {error}"))
        })?;
        crate::http::serve::serve(self, listener, routes)
    }

    /// Cancelled when the service begins to stop; long-lived responses such as sockets end then.
    #[must_use]
    pub fn stopping(&self) -> &CancellationToken {
        &self.0.stop
    }

    pub(crate) fn begin_stop(&self) {
        self.0.stop.cancel();
    }

    pub(crate) fn datasources(&self) -> Result<&Datasources, StoreError> {
        self.0.datasources.as_ref().ok_or_else(|| {
            StoreError::corrupt("service identity", "this service has no tenant databases")
        })
    }

    pub(crate) fn dirty_outboxes(&self) -> &DirtyOutboxes {
        &self.0.dirty_outboxes
    }

    pub(crate) fn waker(&self) -> RelayWaker {
        self.0.waker.clone()
    }

    /// Waits for consumers and jobs, then for the outboxes, then closes the pools. HTTP has stopped before.
    pub(crate) async fn shut_down(&self) {
        self.begin_stop();
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.stop_relay.cancel();
        self.0.relay.close();
        self.0.relay.wait().await;
        if let Some(datasources) = &self.0.datasources {
            datasources.close_all().await;
        }
        self.0.platform.close().await;
    }
}
