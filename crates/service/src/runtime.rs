//! What a running service holds: opened once, shared by every route and consumer, closed in order.

use std::{net::TcpListener, sync::Arc, time::Duration};

use auth::{ServiceTokens, Verifier};
use event_bus::{BusSettings, Consumer, Handler, Producer, SchemaSource};
use outbox::{Marks, Nudge, Relay, RelaySettings};
use secrecy::ExposeSecret;
use sqlx::{
    PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tenancy::{
    ClusterUrls, DatasourceSettings, Datasources, Directory, HttpTenantSource, NoTenantSource,
    Tenant, TenantSource,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Context, PlatformScope, Settings, StartError, StoreError, TenantScope,
    outboxes::ServiceOutboxes, schema, settings::BadSetting,
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
    tokens: ServiceTokens,
    /// Ends consumers, timers and sockets.
    stop: CancellationToken,
    tasks: TaskTracker,
    /// Ends the relay, after everything that publishes has ended.
    stop_relay: CancellationToken,
    relay: TaskTracker,
}

/// How long a start waits for its database before it gives up.
const START_DEADLINE: Duration = Duration::from_secs(30);

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
        } = identity;
        let platform = open_platform(name, &settings).await?;
        migrate_platform(&platform, &own_tables).await?;
        if let Some(tables) = &tenant_tables {
            migrate_template(name, &settings, tables).await?;
        }

        let tokens = ServiceTokens::new(&settings.user_url, name, settings.service_secret.clone());
        let directory = Directory::new(platform.clone(), tenant_source(name, &settings, &tokens)?);
        let datasources = match &tenant_tables {
            Some(_) => Some(open_datasources(name, &settings)?),
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
            tokens,
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
            Ok(consumer) => self.spawn("consumer", |stop| async move {
                if let Err(error) = consumer.run(stop).await {
                    tracing::error!(group, %error, "consumer ended");
                }
            }),
            // The same librdkafka settings built the producer a moment ago: this is ours to mend, not the operator's.
            Err(error) => tracing::error!(group, %error, "consumer cannot be built"),
        }
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

async fn open_platform(name: &str, settings: &Settings) -> Result<PgPool, StartError> {
    let options: PgConnectOptions = settings
        .database
        .expose_secret()
        .parse()
        .map_err(|error| BadSetting::new("TENANTRY_DATABASE", error))?;
    let options = options.application_name(name).options([
        ("statement_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "70s"),
    ]);
    let pool = PgPoolOptions::new()
        .max_connections(settings.platform_connections)
        .acquire_timeout(Duration::from_secs(3))
        .connect_lazy_with(options);
    let deadline = tokio::time::Instant::now() + START_DEADLINE;
    loop {
        match pool.acquire().await {
            Ok(_) => return Ok(pool),
            Err(error) if tokio::time::Instant::now() < deadline => {
                tracing::warn!(%error, "platform database does not answer yet");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Err(error) => {
                return Err(StartError::dependency(
                    "the database of TENANTRY_DATABASE does not answer",
                    error,
                ));
            }
        }
    }
}

async fn migrate_platform(pool: &PgPool, own: &Migrator) -> Result<(), StartError> {
    let failed = |error| StartError::dependency("the platform database cannot be migrated", error);
    let mut conn = pool.acquire().await.map_err(failed)?;
    schema::migrate_platform(&mut conn, own)
        .await
        .map_err(failed)
}

/// Brings this service's schema in the template of each cluster up to date, so that new tenants are born with it.
async fn migrate_template(
    name: &str,
    settings: &Settings,
    own: &Migrator,
) -> Result<(), StartError> {
    for (cluster, base) in &settings.clusters.0 {
        let failed = |error: sqlx::Error| {
            StartError::dependency(
                format!(
                    "the template {} on cluster {cluster} cannot be migrated",
                    settings.template
                ),
                error,
            )
        };
        let mut conn = tenancy::template::connect(base, &settings.template, name)
            .await
            .map_err(failed)?;
        schema::migrate_tenant(&mut conn, own)
            .await
            .map_err(failed)?;
    }
    Ok(())
}

fn open_datasources(name: &'static str, settings: &Settings) -> Result<Datasources, StartError> {
    let clusters: ClusterUrls = settings
        .clusters
        .0
        .iter()
        .map(|(cluster, url)| (cluster.clone(), url.clone()))
        .collect();
    let datasources = DatasourceSettings {
        database_prefix: settings.database_prefix.clone(),
        max_pools: settings.tenant_pools,
        connections_per_pool: settings.tenant_connections,
        ..DatasourceSettings::new(clusters)
    };
    Datasources::new(&datasources, name, name)
        .map_err(|error| BadSetting::new("TENANTRY_CLUSTERS", error).into())
}

/// The tenant service knows every tenant; all others ask it for those whose events they have not read yet.
fn tenant_source(
    name: &str,
    settings: &Settings,
    tokens: &ServiceTokens,
) -> Result<Arc<dyn TenantSource>, StartError> {
    if name == "tenant" {
        return Ok(Arc::new(NoTenantSource));
    }
    let tokens = tokens.clone();
    let source = HttpTenantSource::new(&settings.tenant_url, move || {
        let tokens = tokens.clone();
        async move { tokens.bearer().await }
    })
    .map_err(|error| BadSetting::new("TENANTRY_TENANT_URL", error))?;
    Ok(Arc::new(source))
}
