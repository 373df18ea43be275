//! The addresses of the test stack.

/// The servers of the stack that `make test` started.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Bootstrap servers of Kafka.
    pub kafka: String,
    /// URL of the schema registry's Confluent API.
    pub registry: String,
    /// URL of Redis.
    pub redis: String,
    /// URL of the database `postgres` as the administrator.
    pub postgres_admin: String,
}

impl Stack {
    /// Reads the addresses from the environment variables.
    #[must_use]
    pub fn from_env() -> Self {
        Self {
            kafka: variable("TENANTRY_KAFKA"),
            registry: variable("TENANTRY_REGISTRY"),
            redis: variable("TENANTRY_REDIS"),
            postgres_admin: variable("TENANTRY_POSTGRES_ADMIN"),
        }
    }

    /// Returns `host:port` of `PostgreSQL`.
    #[must_use]
    pub fn postgres_address(&self) -> &str {
        let after_password = self.postgres_admin.rsplit('@').next().unwrap_or_default();
        after_password.split('/').next().unwrap_or_default()
    }

    /// Returns the URL of a database with the role of a service.
    #[must_use]
    pub fn database(&self, service: &str, database: &str) -> String {
        format!("{}/{database}", self.cluster(service))
    }

    /// Returns the URL of the cluster with the role of a service, without a database.
    #[must_use]
    pub fn cluster(&self, service: &str) -> String {
        let password = variable(&format!("TENANTRY_PASSWORD_{}", service.to_uppercase()));
        format!(
            "postgres://tenantry_{service}:{password}@{}",
            self.postgres_address()
        )
    }
}

pub(crate) fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run the tests with `make test`"))
}
