//! Isolated environments on the shared stack.

use std::{collections::HashMap, sync::Arc, time::Duration};

use event_bus::{BusSettings, Event, EventParts, OutboundRecord, Producer, TenantRef, admin};
use service::Settings;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{Client, Identity, Stack, TestTenant, TopicLog, databases, on_shared_runtime};

/// The only cluster of an environment.
pub(crate) const CLUSTER: &str = "eu-1";
/// The region of the cluster.
pub(crate) const REGION: &str = "eu";

/// An isolated environment on the shared stack: all its topics, groups and databases have a unique prefix. Cheap to clone.
#[derive(Clone)]
pub struct TestEnvironment {
    pub(crate) stack: Stack,
    pub(crate) prefix: String,
    identity: Identity,
    producer: Arc<Producer>,
}

impl TestEnvironment {
    /// Creates an environment for these services: topics, platform databases and the template database.
    pub async fn new(services: &[&str]) -> Self {
        Self::on(Stack::from_env(), services).await
    }

    /// Creates an environment on other servers.
    pub async fn on(stack: Stack, services: &[&str]) -> Self {
        let services: Vec<String> = services.iter().map(ToString::to_string).collect();
        on_shared_runtime(async move {
            let prefix = format!("t{}_", &Uuid::new_v4().simple().to_string()[..10]);
            let names: Vec<&str> = services.iter().map(String::as_str).collect();
            databases::create(&stack, &prefix, &names).await;
            let identity = Identity::start();
            let bus = bus(&stack, &prefix);
            create_topics(&bus).await;
            let producer = Producer::new(&bus, events::Catalogue).expect("the producer is created");
            Self {
                stack,
                prefix,
                identity,
                producer: Arc::new(producer),
            }
        })
        .await
    }

    /// Returns the issuer of access tokens.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the addresses of the servers.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// Returns the prefix of topics, groups and databases.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the name of a service's platform database.
    #[must_use]
    pub fn database(&self, service: &str) -> String {
        format!("{}{service}", self.prefix)
    }

    /// Returns the bus settings of this environment.
    #[must_use]
    pub fn bus(&self) -> BusSettings {
        bus(&self.stack, &self.prefix)
    }

    /// Returns the environment variables for a service process.
    #[must_use]
    pub fn variables(&self, service: &str) -> HashMap<String, String> {
        let own = |name: &str, value: String| (format!("TENANTRY_{name}"), value);
        HashMap::from([
            own("BIND", "127.0.0.1:0".to_owned()),
            own(
                "DATABASE",
                self.stack.database(service, &self.database(service)),
            ),
            own("KAFKA", self.stack.kafka.clone()),
            own("REGISTRY", self.stack.registry.clone()),
            own("REDIS", self.stack.redis.clone()),
            own(
                "JWKS_URL",
                format!("{}/.well-known/jwks.json", self.identity.url()),
            ),
            own("USER_URL", self.identity.url().to_owned()),
            own("TENANT_URL", self.identity.url().to_owned()),
            own("SERVICE_SECRET", "secret".to_owned()),
            own("PUBLIC_URL", "http://tenantry.test".to_owned()),
            own(
                "CLUSTERS",
                format!("{CLUSTER}={}", self.stack.cluster(service)),
            ),
            own("REGIONS", format!("{REGION}={CLUSTER}")),
            own("TEMPLATE", format!("{}template", self.prefix)),
            own("DATABASE_PREFIX", format!("{}tenant_", self.prefix)),
            own("TOPIC_PREFIX", self.prefix.clone()),
        ])
    }

    /// Returns the settings of a service that runs in the test's process.
    #[must_use]
    pub fn settings(&self, service: &str) -> Settings {
        self.settings_with(service, &[])
    }

    /// Returns the settings of a service with some variables changed, for instance `("REDIS", "redis://…")`.
    #[must_use]
    pub fn settings_with(&self, service: &str, changed: &[(&str, &str)]) -> Settings {
        let mut variables = self.variables(service);
        for (name, value) in changed {
            variables.insert(format!("TENANTRY_{name}"), (*value).to_owned());
        }
        Settings::from_variables(variables).expect("the variables are valid")
    }

    /// Publishes an event of a tenant, as another service would.
    pub async fn publish<E: Event>(
        &self,
        tenant: &TestTenant,
        subject: impl ToString,
        event: &E,
    ) -> Uuid {
        let parts = EventParts::new("/tenantry/test", subject)
            .sequence(1)
            .tenant(TenantRef {
                id: tenant.tenant.id.0,
                region: tenant.tenant.region.to_string(),
            });
        self.publish_parts(parts, event).await
    }

    /// Publishes an event of the platform.
    pub async fn publish_platform<E: Event>(&self, subject: impl ToString, event: &E) -> Uuid {
        self.publish_parts(
            EventParts::new("/tenantry/test", subject).sequence(1),
            event,
        )
        .await
    }

    /// Publishes an event with this envelope. Publishing the same id again simulates a redelivery.
    pub async fn publish_parts<E: Event>(&self, parts: EventParts, event: &E) -> Uuid {
        let id = parts.id;
        let record = OutboundRecord::of(parts, event).expect("a valid event");
        let producer = Arc::clone(&self.producer);
        on_shared_runtime(async move {
            let mut results = producer.publish_batch(&[record]).await;
            results.remove(0).expect("the broker accepts the record");
        })
        .await;
        id
    }

    /// Reads a topic from its beginning.
    #[must_use]
    pub fn log(&self, topic: &str) -> TopicLog {
        TopicLog::read(&self.bus(), topic)
    }

    /// Returns the number of records of a topic.
    pub async fn record_count(&self, topic: &str) -> i64 {
        let admin = admin::Admin::new(&self.bus(), Duration::from_secs(10));
        let topic = admin.describe(topic).await.expect("the broker responds");
        let topic = topic.expect("the topic exists");
        let ends = admin.watermarks(&topic).await.expect("the broker responds");
        ends.iter().map(|(_, low, end)| end - low).sum()
    }

    /// Returns a client for a service at `url`.
    #[must_use]
    pub fn client(&self, url: impl Into<String>, token: impl Into<String>) -> Client {
        Client::new(url, Some(token.into()))
    }

    /// Connects to a service's platform database with the role of the service.
    pub async fn platform_pool(&self, service: &str) -> PgPool {
        let url = self.stack.database(service, &self.database(service));
        PgPool::connect(&url)
            .await
            .expect("PostgreSQL of the test stack responds")
    }
}

fn bus(stack: &Stack, prefix: &str) -> BusSettings {
    let mut bus = BusSettings::new(stack.kafka.clone(), stack.registry.clone());
    prefix.clone_into(&mut bus.topic_prefix);
    "testkit".clone_into(&mut bus.client_id);
    bus
}

/// Creates the topics of the event catalogue with few partitions.
async fn create_topics(bus: &BusSettings) {
    let topics: Vec<_> = events::topics()
        .into_iter()
        .map(|topic| admin::TopicSpec::new(topic, 3))
        .collect();
    admin::Admin::new(bus, Duration::from_secs(20))
        .create_topics(&topics)
        .await
        .expect("the topics are created");
}
