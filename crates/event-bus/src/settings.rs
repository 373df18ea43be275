//! Where the broker and the registry are.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use rdkafka::ClientConfig;
use serde::Deserialize;

use crate::{BusError, ContentMode, Login, Registry, Security, SubjectNaming};

/// How to reach Kafka and the schema registry, and under which names.
#[derive(Clone, Deserialize)]
pub struct BusSettings {
    /// Kafka's bootstrap servers, as `host:port,host:port`.
    pub bootstrap: String,
    /// The registry's Confluent API, as `http://host:port/apis/ccompat/v7`; several addresses are separated by commas.
    pub registry_url: String,
    /// Put before the name of every topic and group: lets tests and stages share a broker.
    #[serde(default)]
    pub topic_prefix: String,
    /// How schemas are called in the registry.
    #[serde(default)]
    pub subject_naming: SubjectNaming,
    /// Where published records keep their events' attributes. Both forms are read, whatever this says.
    #[serde(default)]
    pub content_mode: ContentMode,
    /// The client's name in the broker's logs and quotas.
    #[serde(default = "default_client_id")]
    pub client_id: String,
    /// Encryption and login towards Kafka.
    #[serde(default)]
    pub security: Security,
    /// Login and authorities of the registry.
    #[serde(default)]
    pub registry_access: RegistryAccess,
    /// More settings of librdkafka, for every client alike. Values may be secrets and are never shown.
    #[serde(default)]
    pub extra: BTreeMap<String, String>,
}

/// How to be let in by the registry.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryAccess {
    /// Name and password for HTTP basic authentication.
    #[serde(default)]
    pub login: Option<Login>,
    /// A PEM file with authorities to trust besides the system's.
    #[serde(default)]
    pub ca: Option<PathBuf>,
}

fn default_client_id() -> String {
    "event-bus".to_owned()
}

impl BusSettings {
    /// Settings with no prefix, no login and nothing extra.
    pub fn new(bootstrap: impl Into<String>, registry_url: impl Into<String>) -> Self {
        Self {
            bootstrap: bootstrap.into(),
            registry_url: registry_url.into(),
            topic_prefix: String::new(),
            subject_naming: SubjectNaming::default(),
            content_mode: ContentMode::default(),
            client_id: default_client_id(),
            security: Security::default(),
            registry_access: RegistryAccess::default(),
            extra: BTreeMap::new(),
        }
    }

    /// The name a topic or group has on the broker.
    pub fn prefixed(&self, name: &str) -> String {
        format!("{}{name}", self.topic_prefix)
    }

    /// The logical name of a topic or group of the broker.
    pub fn without_prefix<'a>(&self, name: &'a str) -> &'a str {
        name.strip_prefix(&self.topic_prefix).unwrap_or(name)
    }

    /// A client of the registry. Nothing is asked yet.
    ///
    /// # Errors
    /// When the URL is none or the authorities' file does not read.
    pub fn registry(&self) -> Result<Registry, BusError> {
        Registry::open(&self.registry_url, &self.registry_access).map_err(BusError::Settings)
    }

    /// What every client of librdkafka begins with. `extra` comes first, so that what a client's
    /// correctness rests on cannot be set away.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in &self.extra {
            config.set(name, value);
        }
        self.security.configure(&mut config);
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", &self.client_id)
            .set("reconnect.backoff.ms", "100")
            .set("reconnect.backoff.max.ms", "2000")
            .set("socket.keepalive.enable", "true");
        config
    }
}

impl fmt::Debug for BusSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            bootstrap,
            registry_url,
            topic_prefix,
            subject_naming,
            content_mode,
            client_id,
            security,
            registry_access,
            extra,
        } = self;
        let names: Vec<&String> = extra.keys().collect();
        f.debug_struct("BusSettings")
            .field("bootstrap", bootstrap)
            .field("registry_url", registry_url)
            .field("topic_prefix", topic_prefix)
            .field("subject_naming", subject_naming)
            .field("content_mode", content_mode)
            .field("client_id", client_id)
            .field("security", security)
            .field("registry_access", registry_access)
            .field("extra", &names)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_extra_are_not_shown_and_security_wins_over_them() {
        let mut settings = BusSettings::new("h:9092", "http://h:8081");
        for (name, value) in [
            ("security.protocol", "plaintext"),
            ("sasl.password", "hunter2"),
        ] {
            settings.extra.insert(name.to_owned(), value.to_owned());
        }
        let shown = format!("{settings:?}");
        assert!(shown.contains("sasl.password") && !shown.contains("hunter2"));
        assert_eq!(
            settings.client().get("security.protocol"),
            Some("plaintext")
        );

        settings.security.tls = Some(crate::Tls::default());
        assert_eq!(settings.client().get("security.protocol"), Some("ssl"));
    }
}
