//! Configuration, read once before anything is bound.

mod kafka;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    net::SocketAddr,
};

use config::{Config, Environment, File};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};

/// A setting that is missing or invalid; the message names the variable and what it should be.
#[derive(Debug, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct InvalidSetting {
    variable: String,
    problem: String,
}

impl InvalidSetting {
    /// An invalid value of `variable`, such as `TENANTRY_BIND`.
    pub fn new(variable: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self {
            variable: variable.into(),
            problem: problem.to_string(),
        }
    }
}

/// Settings that every service takes. Each is the environment variable `TENANTRY_<NAME>`, or a key of the TOML file
/// that `TENANTRY_CONFIG` names; the environment wins.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// Address to listen on, `127.0.0.1:8080`; port 0 takes a free one.
    pub bind: SocketAddr,
    /// URL of the service's platform database, with its role and password.
    pub database: SecretString,
    /// Maximum number of connections to the platform database.
    #[serde(default = "default_platform_connections")]
    pub platform_connections: u32,
    /// Kafka bootstrap servers, `host:port[,host:port]`.
    pub kafka: String,
    /// Further librdkafka settings, `name=value[,name=value]`.
    #[serde(default)]
    pub kafka_options: Pairs,
    /// TLS and SASL towards Kafka, from the variables in `settings/kafka.rs`.
    #[serde(skip)]
    pub kafka_security: event_bus::Security,
    /// Credentials and certificate authorities of the schema registry, likewise.
    #[serde(skip)]
    pub registry_access: event_bus::RegistryAccess,
    /// Base URL of the schema registry's Confluent API.
    pub registry: String,
    /// URL of Redis; without it nothing is cached and live messages are delivered by polling.
    #[serde(default)]
    pub redis: Option<SecretString>,
    /// URL of the JWKS with the keys that sign access tokens.
    pub jwks_url: String,
    /// Base URL of the user service.
    pub user_url: String,
    /// Base URL of the tenant service.
    pub tenant_url: String,
    /// The secret with which this service obtains its own access tokens.
    pub service_secret: SecretString,
    /// Public base URL of the product; links in e-mails begin with it.
    pub public_url: String,
    /// PostgreSQL clusters that hold tenant databases, `name=url[,name=url]`, each URL with this service's role and
    /// without a database.
    #[serde(default)]
    pub clusters: Pairs,
    /// The database that new tenants are cloned from.
    #[serde(default = "default_template")]
    pub template: String,
    /// Prefix of tenant database names.
    #[serde(default = "default_database_prefix")]
    pub database_prefix: String,
    /// Prefix of every topic and consumer group, so that several systems can share one broker.
    #[serde(default)]
    pub topic_prefix: String,
    /// Maximum number of open pools of tenant databases.
    #[serde(default = "default_tenant_pools")]
    pub tenant_pools: u64,
    /// Maximum number of connections to one tenant's database.
    #[serde(default = "default_tenant_connections")]
    pub tenant_connections: u32,
    /// OpenAPI documents offered by the page at `/api/docs`, `name=path[,name=path]`; the service's own by default.
    #[serde(default)]
    pub docs: Pairs,
}

fn default_platform_connections() -> u32 {
    8
}
fn default_template() -> String {
    "tenantry_template".to_owned()
}
fn default_database_prefix() -> String {
    "tenant_".to_owned()
}
fn default_tenant_pools() -> u64 {
    100
}
fn default_tenant_connections() -> u32 {
    4
}

impl Settings {
    /// Reads the settings that every service takes.
    ///
    /// # Errors
    /// [`InvalidSetting`] for the first one that is missing or invalid.
    pub fn load() -> Result<Self, InvalidSetting> {
        Self::read(environment())
    }

    /// As [`Settings::load`], from these variables instead of the process environment: for tests that run several
    /// services in one process.
    ///
    /// # Errors
    /// [`InvalidSetting`] for the first one that is missing or invalid.
    pub fn from_variables(variables: HashMap<String, String>) -> Result<Self, InvalidSetting> {
        Self::read(environment().source(Some(variables)))
    }

    fn read(variables: Environment) -> Result<Self, InvalidSetting> {
        let access: kafka::Access = read(variables.clone())?;
        let mut settings: Self = read(variables)?;
        settings.kafka_security = access.security()?;
        settings.registry_access = access.registry()?;
        Self::checked(settings)
    }

    fn checked(settings: Self) -> Result<Self, InvalidSetting> {
        if settings.tenant_pools == 0 || settings.tenant_connections == 0 {
            return Err(InvalidSetting::new(
                "TENANTRY_TENANT_POOLS, TENANTRY_TENANT_CONNECTIONS",
                "must be at least 1",
            ));
        }
        Ok(settings)
    }

    /// Settings of the event bus for the Kafka client id `client` (the service's name).
    #[must_use]
    pub fn bus(&self, client: &str) -> event_bus::BusSettings {
        event_bus::BusSettings {
            topic_prefix: self.topic_prefix.clone(),
            client_id: client.to_owned(),
            security: self.kafka_security.clone(),
            registry_access: self.registry_access.clone(),
            extra: self.kafka_options.0.clone(),
            ..event_bus::BusSettings::new(&self.kafka, &self.registry)
        }
    }

    /// The URL of Redis, if one is set.
    #[must_use]
    pub fn redis_url(&self) -> Option<&str> {
        self.redis
            .as_ref()
            .map(ExposeSecret::expose_secret)
            .filter(|url| !url.is_empty())
    }
}

/// Reads a service's own settings from the same places as [`Settings`]; unknown names are ignored.
///
/// # Errors
/// [`InvalidSetting`] for the first one that is missing or invalid.
pub fn load<T: DeserializeOwned>() -> Result<T, InvalidSetting> {
    read(environment())
}

fn environment() -> Environment {
    Environment::with_prefix("TENANTRY").ignore_empty(true)
}

fn read<T: DeserializeOwned>(variables: Environment) -> Result<T, InvalidSetting> {
    let mut sources = Config::builder();
    if let Ok(path) = std::env::var("TENANTRY_CONFIG") {
        sources = sources.add_source(File::with_name(&path));
    }
    let read = sources
        .add_source(variables)
        .build()
        .map_err(|error| InvalidSetting::new("TENANTRY_CONFIG", error))?;
    serde_path_to_error::deserialize(read).map_err(|error| {
        let path = error.path().to_string();
        match error.into_inner() {
            config::ConfigError::NotFound(name) => missing(&name),
            config::ConfigError::Type {
                key: Some(key),
                unexpected,
                expected,
                ..
            } => InvalidSetting::new(
                variable(&key),
                format!("is {unexpected}, should be {expected}"),
            ),
            other => match other
                .to_string()
                .strip_prefix("missing configuration field \"")
            {
                Some(rest) => missing(rest.trim_end_matches('"')),
                None => InvalidSetting::new(variable(&path), other),
            },
        }
    })
}

fn missing(name: &str) -> InvalidSetting {
    InvalidSetting::new(
        variable(name),
        "is not set; `.tenantry/dev/env` shows a value that works",
    )
}

fn variable(key: &str) -> String {
    if key.is_empty() || key == "." {
        "TENANTRY_*".to_owned()
    } else {
        format!("TENANTRY_{}", key.to_uppercase())
    }
}

/// `name=value[,name=value]`. Values may hold secrets, so only the names are ever shown.
#[derive(Clone, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct Pairs(pub BTreeMap<String, String>);

impl TryFrom<String> for Pairs {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.split(',')
            .map(str::trim)
            .filter(|pair| !pair.is_empty())
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) if !name.is_empty() && !value.is_empty() => {
                    Ok((name.trim().to_owned(), value.trim().to_owned()))
                }
                _ => Err("should be name=value[,name=value]".to_owned()),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl fmt::Debug for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_their_values_not_shown() {
        let pairs = Pairs::try_from("eu-1=postgres://u:secret@h, us-1=x=y".to_owned()).unwrap();
        assert_eq!(pairs.0["us-1"], "x=y");
        assert_eq!(format!("{pairs:?}"), r#"{"eu-1", "us-1"}"#);
        assert!(Pairs::try_from("eu-1".to_owned()).is_err());
        assert!(Pairs::try_from(String::new()).unwrap().0.is_empty());
    }
}
