//! A part of the stack with names of its own.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, LazyLock},
    time::Duration,
};

use event_bus::{BusSettings, Event, EventParts, OutboundRecord, Producer, TenantRef, admin};
use service::Settings;
use sqlx::PgPool;
use tenancy::{
    Directory, Tenant, TenantCode, TenantId, TenantSnapshot, TenantStatus, provision::Provisioner,
};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::{Client, Identity, Log, Stack, databases};

/// The one cluster of a world.
const CLUSTER: &str = "eu-1";
/// The region that maps to it.
const REGION: &str = "eu";

/// Each test has a runtime of its own that ends with it; what several tests share lives on this one.
static SHARED: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be made")
});

/// Runs `work` where it outlives the test that asked for it.
pub async fn on_shared_runtime<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    SHARED
        .spawn(work)
        .await
        .expect("the shared work did not panic")
}

/// A part of the stack with names of its own. Cheap to clone.
#[derive(Clone)]
pub struct World {
    stack: Stack,
    prefix: String,
    identity: Identity,
    producer: Arc<Producer>,
}

/// A tenant of a world: active, its database made.
#[derive(Clone, Debug)]
pub struct TestTenant {
    /// What the services know of it.
    pub tenant: Tenant,
    /// Its database's name.
    pub database: String,
}

impl TestTenant {
    /// Its code.
    #[must_use]
    pub fn code(&self) -> &str {
        self.tenant.code.as_str()
    }
}

impl World {
    /// Makes a world for tests of these services: topics, their platform databases, the template.
    pub async fn new(services: &[&str]) -> Self {
        Self::on(Stack::of_this_run(), services).await
    }

    /// As [`World::new`], on servers of the test's own choice.
    pub async fn on(stack: Stack, services: &[&str]) -> Self {
        let services: Vec<String> = services.iter().map(ToString::to_string).collect();
        on_shared_runtime(async move {
            let prefix = format!("t{}_", &Uuid::new_v4().simple().to_string()[..10]);
            let names: Vec<&str> = services.iter().map(String::as_str).collect();
            databases::create(&stack, &prefix, &names).await;
            let identity = Identity::start();
            let bus = bus(&stack, &prefix);
            create_topics(&bus).await;
            let producer = Producer::new(&bus, events::Catalogue).expect("the bus can be reached");
            Self {
                stack,
                prefix,
                identity,
                producer: Arc::new(producer),
            }
        })
        .await
    }

    /// Issues tokens for the world's people.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The servers it is on.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// What its topics, groups and databases begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The name of a service's platform database.
    #[must_use]
    pub fn database(&self, service: &str) -> String {
        format!("{}{service}", self.prefix)
    }

    /// How the bus is reached with the world's names.
    #[must_use]
    pub fn bus(&self) -> BusSettings {
        bus(&self.stack, &self.prefix)
    }

    /// The variables that a service of this world is started with.
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

    /// The settings of a service of this world, for one in the test's own process.
    #[must_use]
    pub fn settings(&self, service: &str) -> Settings {
        self.settings_with(service, &[])
    }

    /// The same with some variables changed, such as `("REDIS", "redis://…")`.
    #[must_use]
    pub fn settings_with(&self, service: &str, changed: &[(&str, &str)]) -> Settings {
        let mut variables = self.variables(service);
        for (name, value) in changed {
            variables.insert(format!("TENANTRY_{name}"), (*value).to_owned());
        }
        Settings::from_variables(variables).expect("the testkit's variables are right")
    }

    /// A new active tenant, cloned from the template and known to `services`. Start the services first: they bring
    /// the template up to date.
    pub async fn tenant(&self, services: &[&str]) -> TestTenant {
        let code = format!("t{}", &Uuid::new_v4().simple().to_string()[..12]);
        self.tenant_named(&code, services).await
    }

    async fn tenant_named(&self, code: &str, services: &[&str]) -> TestTenant {
        let code: TenantCode = code.parse().expect("a code");
        let provisioner = Provisioner::new(
            &self.stack.cluster("tenant"),
            format!("{}template", self.prefix),
            format!("{}tenant_", self.prefix),
        )
        .expect("the cluster's URL is right");
        provisioner
            .create(&code)
            .await
            .expect("the template can be cloned");
        let tenant = Tenant {
            id: TenantId(Uuid::now_v7()),
            code: code.clone(),
            name: format!("Tenant {code}"),
            region: REGION.parse().expect("a region"),
            cluster: Some(CLUSTER.parse().expect("a cluster")),
            package: "starter".parse().expect("a package"),
            status: TenantStatus::Active,
            version: 1,
        };
        for service in services {
            self.set_status(service, &tenant, TenantStatus::Active, 1)
                .await;
        }
        TestTenant {
            tenant,
            database: provisioner.database(&code),
        }
    }

    /// Lets a service know the tenant's status, as its copy of the directory has it after the event.
    pub async fn set_status(
        &self,
        service: &str,
        tenant: &Tenant,
        status: TenantStatus,
        version: i64,
    ) {
        let snapshot: TenantSnapshot = serde_json::from_value(serde_json::json!({
            "tenantId": tenant.id, "code": tenant.code, "name": tenant.name, "region": tenant.region,
            "cluster": tenant.cluster, "package": tenant.package,
            "billingEmail": format!("billing@{}.example", tenant.code), "status": status,
            "version": version,
        }))
        .expect("a snapshot of a tenant");
        let url = self.stack.database(service, &self.database(service));
        let mut conn = databases::connect(&url).await;
        Directory::apply(&database::Session::new(&mut conn), &snapshot)
            .await
            .expect("the directory stores the snapshot");
    }

    /// Publishes an event of this tenant, as another service would.
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

    /// Publishes an event with this envelope; the same id again is a redelivery.
    pub async fn publish_parts<E: Event>(&self, parts: EventParts, event: &E) -> Uuid {
        let id = parts.id;
        let record = OutboundRecord::of(parts, event).expect("a valid event");
        let producer = Arc::clone(&self.producer);
        on_shared_runtime(async move {
            let mut results = producer.publish_batch(&[record]).await;
            results
                .remove(0)
                .expect("the broker of the test stack takes it");
        })
        .await;
        id
    }

    /// Reads a topic of this world from its beginning.
    #[must_use]
    pub fn log(&self, topic: &str) -> Log {
        Log::read(&self.bus(), topic)
    }

    /// How many records a topic holds, such as `order.events.dlq`.
    pub async fn records(&self, topic: &str) -> i64 {
        let admin = admin::Admin::new(&self.bus(), Duration::from_secs(10));
        let topic = admin.describe(topic).await.expect("the broker answers");
        let topic = topic.expect("the topic is there");
        let ends = admin.watermarks(&topic).await.expect("the broker answers");
        ends.iter().map(|(_, low, end)| end - low).sum()
    }

    /// A client of a service at `url`, with a token.
    #[must_use]
    pub fn client(&self, url: impl Into<String>, token: impl Into<String>) -> Client {
        Client::new(url, Some(token.into()))
    }

    /// The pool of a service's platform database, as that service's role.
    pub async fn platform_pool(&self, service: &str) -> PgPool {
        let url = self.stack.database(service, &self.database(service));
        PgPool::connect(&url)
            .await
            .expect("PostgreSQL of the test stack answers")
    }

    /// Shuts a tenant's database: nobody gets in and who is in is put out, as when its server is away.
    pub async fn shut(&self, tenant: &TestTenant) {
        let database = &tenant.database;
        let mut admin = databases::connect(&self.stack.postgres_admin).await;
        databases::run(
            &mut admin,
            &format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false"),
        )
        .await;
        databases::run(
            &mut admin,
            &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"),
        )
        .await;
    }

    /// Opens it again.
    pub async fn open(&self, tenant: &TestTenant) {
        let mut admin = databases::connect(&self.stack.postgres_admin).await;
        let sql = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", tenant.database);
        databases::run(&mut admin, &sql).await;
    }
}

fn bus(stack: &Stack, prefix: &str) -> BusSettings {
    let mut bus = BusSettings::new(stack.kafka.clone(), stack.registry.clone());
    prefix.clone_into(&mut bus.topic_prefix);
    "testkit".clone_into(&mut bus.client_id);
    bus
}

/// The product's own topics, as they are declared, with few partitions to keep the broker light.
async fn create_topics(bus: &BusSettings) {
    let topics: Vec<_> = events::topics()
        .into_iter()
        .map(|topic| admin::TopicSpec::new(topic, 3))
        .collect();
    admin::Admin::new(bus, Duration::from_secs(20))
        .create_topics(&topics)
        .await
        .expect("the broker of the test stack makes topics");
}
