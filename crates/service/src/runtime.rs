//! What a running service holds: opened once, shared by every route and consumer, closed in order.

mod open;

use std::{
    net::TcpListener,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use auth::{ServiceTokens, Verifier};
use cache::Cache;
use event_bus::{BusSettings, Consumer, ConsumerStatus, Control, Handler, Producer, SchemaSource};
use outbox::{Marks, Nudge, Relay, RelaySettings};
use sea_orm::DatabaseConnection;
use sqlx::{PgPool, migrate::Migrator};
use tenancy::{Datasources, Directory, Tenant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Context, PlatformScope, Settings, StartError, StoreError, TenantScope,
    outboxes::ServiceOutboxes, settings::BadSetting,
};

/// What makes a service this one.
pub struct Identity {
    /// Its name, which is also that of its schema in tenant databases and the first word of its consumer groups.
    pub name: &'static str,
    /// The types of events it may publish or meet.
    pub catalogue: Arc<dyn SchemaSource>,
    /// The tables of its platform database.
    pub platform: Migrator,
    /// The tables of its schema in each tenant database, if it has one.
    pub tenant: Option<Migrator>,
    /// Checks tokens without asking for keys: for the service that issues them.
    pub verifier: Option<Verifier>,
    /// The cache of its reads; [`Cache::none`] for a service that caches nothing.
    pub cache: Cache,
}

/// A running service's parts. Cheap to clone.
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
    marks: Arc<Marks>,
    nudge: Nudge,
    verifier: Verifier,
    cache: Cache,
    tokens: ServiceTokens,
    consumers: Mutex<Vec<Control>>,
    /// Ends consumers, timers and sockets.
    stop: CancellationToken,
    tasks: TaskTracker,
    /// Ends the relay, after everything that publishes has ended.
    stop_relay: CancellationToken,
    relay: TaskTracker,
}

impl Runtime {
    /// Opens the platform database, brings it and the template up to date, and starts the relay. Only the database
    /// must be there: Kafka, the registry, Redis and the other services may come later.
    ///
    /// # Errors
    /// [`StartError`]: a setting is wrong, or the database does not answer within half a minute.
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
            BadSetting::new(
                "TENANTRY_KAFKA, TENANTRY_KAFKA_OPTIONS, TENANTRY_REGISTRY",
                error,
            )
        })?;
        let producer = Arc::new(producer);
        let marks = Arc::new(Marks::new(platform.clone()));
        let outboxes = ServiceOutboxes {
            platform: platform.clone(),
            datasources: datasources.clone(),
            directory: directory.clone(),
            marks: Arc::clone(&marks),
        };
        let (relay, nudge) = Relay::new(
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
            marks,
            nudge,
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

    /// How the bus is reached.
    #[must_use]
    pub fn bus(&self) -> &BusSettings {
        &self.0.bus
    }

    /// The types of events it may meet.
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

    /// Checks access tokens.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    /// The cache of the service's reads.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.0.cache
    }

    /// Tokens for calls to other services.
    #[must_use]
    pub fn tokens(&self) -> &ServiceTokens {
        &self.0.tokens
    }

    /// The platform database, for one request or event.
    #[must_use]
    pub fn platform(&self, context: Context) -> PlatformScope {
        PlatformScope::new(self.clone(), context)
    }

    /// A tenant's database, for one request or event. Whether the tenant may be used now is the caller's question.
    #[must_use]
    pub fn tenant(&self, tenant: Arc<Tenant>, context: Context) -> TenantScope {
        TenantScope::new(tenant, self.clone(), context)
    }

    /// Runs background work that ends when the token it gets is cancelled. It is waited for at shutdown, and an end
    /// that nobody asked for is logged.
    pub fn spawn<F>(&self, name: &'static str, work: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.0.stop.clone();
        let work = work(stop.clone());
        self.0.tasks.spawn(async move {
            let ended = tokio::spawn(work).await;
            match ended {
                Err(error) => tracing::error!(task = name, %error, "background work died"),
                Ok(()) if !stop.is_cancelled() => {
                    tracing::error!(task = name, "background work ended by itself");
                }
                Ok(()) => {}
            }
        });
    }

    /// Starts a consumer of the bus that ends with the runtime. Handlers whose effect is in a database are better off
    /// with [`crate::EventConsumer`], which adds the inbox.
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
                self.controls().push(consumer.control());
                self.spawn("consumer", |stop| async move {
                    if let Err(error) = consumer.run(stop).await {
                        tracing::error!(group, %error, "consumer ended");
                    }
                });
            }
            // The same librdkafka settings built the producer a moment ago: this is ours to mend, not the operator's.
            Err(error) => tracing::error!(group, %error, "consumer cannot be built"),
        }
    }

    /// How each of its consumers is.
    #[must_use]
    pub fn consumers(&self) -> Vec<ConsumerStatus> {
        self.controls().iter().map(Control::status).collect()
    }

    fn controls(&self) -> MutexGuard<'_, Vec<Control>> {
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
            BadSetting::new("TENANTRY_BIND", format!("cannot listen on {bind}: {error}"))
        })?;
        crate::http::serve::serve(self, listener, routes)
    }

    /// Cancelled when the service begins to stop: answers that would go on for ever, such as sockets, end then.
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

    pub(crate) fn marks(&self) -> &Marks {
        &self.0.marks
    }

    pub(crate) fn nudge(&self) -> Nudge {
        self.0.nudge.clone()
    }

    /// Waits for consumers and timers, then for the outboxes, then closes what is open. HTTP has ended by now.
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
