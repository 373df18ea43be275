//! Where the clusters are and how many connections may be open.

use std::{collections::BTreeMap, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sqlx::{ConnectOptions, postgres::PgConnectOptions};

use super::DatasourceError;
use crate::{
    ClusterName, SettingsError, TenantCode,
    sql::{connect_options, quoted},
};

/// The base URL of each cluster, with a role and its password and without a database; hidden when printed.
pub type ClusterUrls = BTreeMap<ClusterName, SecretString>;

/// How a service reaches its tenants' databases.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatasourceSettings {
    /// Cluster name → `postgres://role:password@host:port` as this service's role.
    pub clusters: ClusterUrls,
    /// What a tenant database's name begins with.
    pub database_prefix: String,
    /// The most pools open at once; the least recently used one makes room.
    pub max_pools: u64,
    /// The most connections of one tenant.
    pub connections_per_pool: u32,
    /// A pool unused for this many seconds is closed.
    #[serde(with = "seconds")]
    pub idle: Duration,
    /// A pool is closed after this many seconds, used or not.
    #[serde(with = "seconds")]
    pub ttl: Duration,
    /// How many milliseconds a request waits for a connection.
    #[serde(with = "milliseconds")]
    pub acquire_timeout: Duration,
    /// After how many milliseconds PostgreSQL ends a statement.
    #[serde(with = "milliseconds")]
    pub statement_timeout: Duration,
    /// After how many milliseconds PostgreSQL ends a transaction in which nothing happens.
    #[serde(with = "milliseconds")]
    pub idle_in_transaction_timeout: Duration,
}

impl Default for DatasourceSettings {
    fn default() -> Self {
        Self {
            clusters: ClusterUrls::new(),
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

macro_rules! whole {
    ($module:ident, $from:ident) => {
        mod $module {
            use std::time::Duration;

            use serde::{Deserialize, Deserializer};

            pub(super) fn deserialize<'de, D: Deserializer<'de>>(
                from: D,
            ) -> Result<Duration, D::Error> {
                u64::deserialize(from).map(Duration::$from)
            }
        }
    };
}
whole!(seconds, from_secs);
whole!(milliseconds, from_millis);

/// The database of a tenant: the prefix and the code with `_` for `-`. Codes hold no `_`, so no two meet.
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

/// The settings, read and checked.
pub(super) struct Clusters {
    options: BTreeMap<ClusterName, PgConnectOptions>,
    database_prefix: String,
    pub limits: Limits,
}

impl Clusters {
    /// PostgreSQL cuts longer names off, which would let two codes share a database.
    const LONGEST_NAME: usize = 63;

    pub fn new(
        settings: &DatasourceSettings,
        schema: &str,
        application_name: &str,
    ) -> Result<Self, SettingsError> {
        if settings.database_prefix.len() + TenantCode::MAX_LENGTH > Self::LONGEST_NAME {
            return Err(SettingsError::new(format!(
                "database_prefix is longer than {} characters",
                Self::LONGEST_NAME - TenantCode::MAX_LENGTH
            )));
        }
        if settings.max_pools == 0 || settings.connections_per_pool == 0 {
            return Err(SettingsError::new(
                "max_pools and connections_per_pool are at least 1",
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
            .iter()
            .map(|(name, url)| {
                let what = format!("the URL of cluster {name}");
                let options = connect_options(&what, url.expose_secret())?
                    .application_name(application_name)
                    .options(session.clone())
                    .disable_statement_logging();
                Ok((name.clone(), options))
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

    #[test]
    fn wrong_settings_are_named_without_their_secrets() {
        let mut settings = DatasourceSettings::default();
        let cluster: ClusterName = "eu-1".parse().expect("a name");
        settings
            .clusters
            .insert(cluster, "mysql://root:hunter2@db".to_owned().into());
        let error = Clusters::new(&settings, "order", "order")
            .err()
            .expect("not PostgreSQL");
        assert_eq!(
            error.to_string(),
            "the URL of cluster eu-1 is no postgres:// URL"
        );
        assert!(!format!("{settings:?}").contains("hunter2"));
        settings.clusters.clear();
        settings.database_prefix = "x".repeat(24);
        assert!(Clusters::new(&settings, "order", "order").is_err());
    }
}
