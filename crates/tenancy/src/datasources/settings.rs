//! Addresses of the clusters and limits of the pools.

use std::{collections::BTreeMap, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{ConnectOptions, postgres::PgConnectOptions};

use super::DatasourceError;
use crate::{
    ClusterName, SettingsError, TenantCode,
    sql::{connect_options, quoted},
};

/// The URL of each cluster, `postgres://role:password@host:port` with this service's role and without a database. `Debug`
/// hides the passwords.
#[derive(Clone, Debug, Default)]
pub struct ClusterUrls(BTreeMap<String, SecretString>);

impl FromIterator<(String, String)> for ClusterUrls {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        let secret = |(name, url): (String, String)| (name, url.into());
        Self(pairs.into_iter().map(secret).collect())
    }
}

/// Settings of [`crate::Datasources`].
#[derive(Debug, Clone)]
pub struct DatasourceSettings {
    /// The clusters.
    pub clusters: ClusterUrls,
    /// The prefix of tenant databases' names.
    pub database_prefix: String,
    /// The maximum number of open pools; the least recently used one is evicted first.
    pub max_pools: u64,
    /// The maximum number of connections of one tenant.
    pub connections_per_pool: u32,
    /// How long an unused pool stays open.
    pub idle: Duration,
    /// The maximum age of a pool.
    pub ttl: Duration,
    /// The maximum time to wait for a connection.
    pub acquire_timeout: Duration,
    /// `PostgreSQL`'s `statement_timeout`.
    pub statement_timeout: Duration,
    /// `PostgreSQL`'s `idle_in_transaction_session_timeout`.
    pub idle_in_transaction_timeout: Duration,
}

impl DatasourceSettings {
    /// Settings for these clusters, with defaults that suit a service with 200 active tenants.
    pub fn new(clusters: ClusterUrls) -> Self {
        Self {
            clusters,
            database_prefix: "tenant_".into(),
            max_pools: 200,
            connections_per_pool: 5,
            idle: Duration::from_mins(5),
            ttl: Duration::from_hours(1),
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
            idle_in_transaction_timeout: Duration::from_secs(10),
        }
    }
}

/// The name of a tenant's database: the prefix and the code with `_` for `-`. Codes hold no `_`, so names are unique.
pub fn database_name(prefix: &str, code: &TenantCode) -> String {
    format!("{prefix}{}", code.as_str().replace('-', "_"))
}

/// The limits of each pool.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub connections: u32,
    pub acquire_timeout: Duration,
    pub connection_lifetime: Duration,
    pub connection_idle: Duration,
}

/// The validated settings.
pub(super) struct Clusters {
    options: BTreeMap<ClusterName, PgConnectOptions>,
    database_prefix: String,
    pub limits: Limits,
}

impl Clusters {
    /// `PostgreSQL` truncates longer names, so that two codes could share a database.
    const MAX_NAME_LENGTH: usize = 63;

    pub fn new(
        settings: &DatasourceSettings,
        schema: &str,
        application_name: &str,
    ) -> Result<Self, SettingsError> {
        if settings.database_prefix.len() + TenantCode::MAX_LENGTH > Self::MAX_NAME_LENGTH {
            return Err(SettingsError::new(format!(
                "database_prefix must have at most {} characters",
                Self::MAX_NAME_LENGTH - TenantCode::MAX_LENGTH
            )));
        }
        if settings.max_pools == 0 || settings.connections_per_pool == 0 {
            return Err(SettingsError::new(
                "max_pools and connections_per_pool must be at least 1",
            ));
        }
        let milliseconds = |time: Duration| time.as_millis().to_string();
        let session = [
            ("search_path", quoted(schema)),
            (
                "statement_timeout",
                milliseconds(settings.statement_timeout),
            ),
            (
                "idle_in_transaction_session_timeout",
                milliseconds(settings.idle_in_transaction_timeout),
            ),
        ];
        let options = settings
            .clusters
            .0
            .iter()
            .map(|(name, url)| {
                let cluster: ClusterName = name
                    .parse()
                    .map_err(|error| SettingsError::new(format!("{name}: {error}")))?;
                let what = format!("the URL of cluster {name}");
                let options = connect_options(&what, url.expose_secret())?
                    .application_name(application_name)
                    .options(session.clone())
                    .disable_statement_logging();
                Ok((cluster, options))
            })
            .collect::<Result<_, SettingsError>>()?;
        Ok(Self {
            options,
            database_prefix: settings.database_prefix.clone(),
            limits: Limits {
                connections: settings.connections_per_pool,
                acquire_timeout: settings.acquire_timeout,
                connection_lifetime: settings.ttl,
                connection_idle: settings.idle,
            },
        })
    }

    pub fn options(
        &self,
        cluster: &ClusterName,
        code: &TenantCode,
    ) -> Result<PgConnectOptions, DatasourceError> {
        let options = self
            .options
            .get(cluster)
            .ok_or_else(|| DatasourceError::UnknownCluster(cluster.clone()))?;
        Ok(options
            .clone()
            .database(&database_name(&self.database_prefix, code)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(settings: &DatasourceSettings) -> String {
        let result = Clusters::new(settings, "order", "order");
        result.err().expect("is invalid").to_string()
    }

    #[test]
    fn invalid_settings_are_named_without_their_secrets() {
        let one = |name: &str, url: &str| {
            DatasourceSettings::new([(name.to_owned(), url.to_owned())].into_iter().collect())
        };
        let other_database = one("eu-1", "mysql://root:hunter2@db");
        assert_eq!(
            error(&other_database),
            "the URL of cluster eu-1 is not a postgres:// URL"
        );
        assert!(!format!("{other_database:?}").contains("hunter2"));
        assert!(error(&one("EU", "postgres://u@h")).starts_with("EU: a cluster is"));
        let mut settings = one("eu-1", "postgres://u@h");
        settings.database_prefix = "x".repeat(24);
        assert!(error(&settings).starts_with("database_prefix"));
    }
}
