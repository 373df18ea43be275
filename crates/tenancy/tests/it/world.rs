//! A private installation per test: roles, platform databases, a template. Removed afterwards.

use std::{panic::AssertUnwindSafe, str::FromStr as _, sync::Arc};

use futures::FutureExt as _;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, PgPool,
    postgres::PgConnectOptions,
};
use tenancy::{
    DatasourceSettings, Datasources, Tenant, TenantCode, TenantId, TenantSnapshot, TenantStatus,
    provision::Provisioner, template,
};

/// The services with a schema in tenant databases.
pub const SERVICES: [&str; 2] = ["order", "billing"];

pub struct TestEnvironment {
    pub name: String,
    pub admin: PgConnectOptions,
    pub provisioner: Provisioner,
}

/// Runs a test in a world of its own, which is removed whether it passes or not.
pub async fn world(test: impl AsyncFnOnce(&TestEnvironment)) {
    let world = TestEnvironment::build().await;
    let outcome = AssertUnwindSafe(test(&world)).catch_unwind().await;
    world.remove().await;
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

impl TestEnvironment {
    async fn build() -> Self {
        let url = std::env::var("TENANTRY_POSTGRES_ADMIN")
            .expect("TENANTRY_POSTGRES_ADMIN names the test PostgreSQL");
        let admin = PgConnectOptions::from_str(&url)
            .expect("a postgres:// URL")
            .disable_statement_logging();
        let id = uuid::Uuid::new_v4().simple().to_string();
        let name = format!("tnc{}", &id[..8]);
        let world = Self {
            provisioner: Provisioner::new(
                &role_url(&admin, &name, "tenant"),
                format!("{name}_template"),
                format!("{name}_"),
            )
            .expect("the settings are valid"),
            name,
            admin,
        };
        world.create_roles_and_template().await;
        world
    }

    async fn create_roles_and_template(&self) {
        let n = &self.name;
        for role in ["tenant", "order", "billing"] {
            self.sql(format!("CREATE ROLE {n}_{role} LOGIN PASSWORD 'secret'"))
                .await;
            self.sql(format!("CREATE DATABASE {n}_{role} OWNER {n}_{role}"))
                .await;
            self.sql(format!("REVOKE ALL ON DATABASE {n}_{role} FROM PUBLIC"))
                .await;
        }
        self.sql(format!("ALTER ROLE {n}_tenant CREATEDB")).await;
        self.sql(format!("CREATE DATABASE {n}_template OWNER {n}_tenant"))
            .await;
        self.sql(format!("REVOKE ALL ON DATABASE {n}_template FROM PUBLIC"))
            .await;
        for service in SERVICES {
            self.sql(format!(
                "GRANT CONNECT ON DATABASE {n}_template TO {n}_{service}"
            ))
            .await;
            let mut conn = self.as_admin(&format!("{n}_template")).await;
            run(
                &mut conn,
                format!("CREATE SCHEMA \"{service}\" AUTHORIZATION {n}_{service}"),
            )
            .await;
            conn.close().await.expect("closes");
            let url = role_url(&self.admin, n, service);
            let mut conn = template::connect(&url, &format!("{n}_template"), service)
                .await
                .expect("the template admits the service");
            run(&mut conn, "CREATE TABLE secret (word text NOT NULL)".into()).await;
            conn.close().await.expect("closes");
        }
    }

    async fn remove(&self) {
        let mut conn = self.as_admin("postgres").await;
        let databases: Vec<String> =
            sqlx::query_scalar("SELECT datname::text FROM pg_database WHERE datname LIKE $1")
                .bind(format!("{}\\_%", self.name))
                .fetch_all(&mut conn)
                .await
                .expect("lists databases");
        for database in databases {
            self.sql(format!("DROP DATABASE \"{database}\" WITH (FORCE)"))
                .await;
        }
        for role in ["tenant", "order", "billing"] {
            self.sql(format!("DROP OWNED BY {0}_{role}", self.name))
                .await;
            self.sql(format!("DROP ROLE {0}_{role}", self.name)).await;
        }
    }

    /// Runs a statement as the administrator, in the database `postgres`.
    pub async fn sql(&self, statement: String) {
        let mut conn = self.as_admin("postgres").await;
        run(&mut conn, statement).await;
        conn.close().await.expect("closes");
    }

    pub async fn as_admin(&self, database: &str) -> PgConnection {
        let options = self.admin.clone().database(database);
        options.connect().await.expect("the administrator connects")
    }

    /// Tries to connect as the role of a service.
    pub async fn as_role(
        &self,
        service: &str,
        database: &str,
    ) -> Result<PgConnection, sqlx::Error> {
        PgConnectOptions::from_str(&self.url(service))?
            .database(database)
            .connect()
            .await
    }

    /// The cluster as the role of a service.
    pub fn url(&self, service: &str) -> String {
        role_url(&self.admin, &self.name, service)
    }

    /// A pool on the platform database of the order service.
    pub async fn platform(&self) -> PgPool {
        let options = PgConnectOptions::from_str(&self.url("order")).expect("a URL");
        let pool = PgPool::connect_with(options.database(&format!("{}_order", self.name)))
            .await
            .expect("connects");
        sqlx::raw_sql(tenancy::SCHEMA)
            .execute(&pool)
            .await
            .expect("makes the table");
        pool
    }

    pub fn settings(&self) -> DatasourceSettings {
        self.settings_at(self.url("order"))
    }

    /// Settings by which the order service finds the cluster at `url`.
    pub fn settings_at(&self, url: String) -> DatasourceSettings {
        let clusters = [("eu-1".to_owned(), url)].into_iter().collect();
        DatasourceSettings {
            database_prefix: format!("{}_", self.name),
            ..DatasourceSettings::new(clusters)
        }
    }

    /// The tenants' databases as the order service sees them.
    pub fn datasources(&self, settings: &DatasourceSettings) -> Datasources {
        Datasources::new(settings, "order", &format!("{}-order", self.name))
            .expect("the settings are valid")
    }

    /// A tenant with its database.
    pub async fn tenant(&self, text: &str) -> Arc<Tenant> {
        let snapshot = snapshot(text, TenantStatus::Active, 1);
        self.provisioner
            .create(&snapshot.code)
            .await
            .expect("the database is created");
        Arc::new(snapshot.into())
    }

    /// How many connections the order service has to tenants' databases.
    pub async fn connections(&self) -> i64 {
        let mut conn = self.as_admin("postgres").await;
        sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity WHERE application_name = $1")
            .bind(format!("{}-order", self.name))
            .fetch_one(&mut conn)
            .await
            .expect("counts")
    }

    /// Waits until the order service has at most this many connections.
    pub async fn connections_fall_to(&self, most: i64) {
        for _ in 0..100 {
            if self.connections().await <= most {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{} connections are left", self.connections().await);
    }

    /// Ends every connection of the order service, as a restart of the database would.
    pub async fn terminate_connections(&self) {
        let mut conn = self.as_admin("postgres").await;
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1",
        )
        .bind(format!("{}-order", self.name))
        .execute(&mut conn)
        .await
        .expect("terminates");
    }
}

/// The state that an event carries, of a tenant in region `eu` on cluster `eu-1`.
pub fn snapshot(text: &str, status: TenantStatus, version: i64) -> TenantSnapshot {
    TenantSnapshot {
        tenant_id: TenantId::generate(),
        code: code(text),
        name: text.to_uppercase(),
        region: "eu".parse().expect("a name"),
        cluster: Some("eu-1".parse().expect("a name")),
        package: "starter".parse().expect("a name"),
        billing_email: "pay@example.com".into(),
        status,
        version,
    }
}

pub fn code(text: &str) -> TenantCode {
    text.parse().expect("a code")
}

fn role_url(admin: &PgConnectOptions, name: &str, role: &str) -> String {
    let (host, port) = (admin.get_host(), admin.get_port());
    format!("postgres://{name}_{role}:secret@{host}:{port}")
}

pub async fn run(conn: &mut PgConnection, statement: String) {
    conn.execute(AssertSqlSafe(statement.clone()))
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
}
