//! Where the stack of this run is.

/// The servers that `make test` started, as its environment names them.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Kafka's bootstrap servers.
    pub kafka: String,
    /// The registry's Confluent API.
    pub registry: String,
    /// Redis' URL.
    pub redis: String,
    /// `PostgreSQL` as the administrator of the stack, database `postgres`.
    pub postgres_admin: String,
}

impl Stack {
    /// The stack of this run.
    #[must_use]
    pub fn of_this_run() -> Self {
        Self {
            kafka: variable("TENANTRY_KAFKA"),
            registry: variable("TENANTRY_REGISTRY"),
            redis: variable("TENANTRY_REDIS"),
            postgres_admin: variable("TENANTRY_POSTGRES_ADMIN"),
        }
    }

    /// `host:port` of `PostgreSQL`.
    #[must_use]
    pub fn postgres_address(&self) -> &str {
        let after_password = self.postgres_admin.rsplit('@').next().unwrap_or_default();
        after_password.split('/').next().unwrap_or_default()
    }

    /// A database's URL as a service's role.
    #[must_use]
    pub fn database(&self, service: &str, database: &str) -> String {
        format!("{}/{database}", self.cluster(service))
    }

    /// The cluster's URL as a service's role, without a database.
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
