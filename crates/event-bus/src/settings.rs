//! Where the broker and the registry are.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use serde::Deserialize;

use crate::{ContentMode, SubjectNaming};

/// How to reach Kafka and the schema registry, and under which names.
#[derive(Clone, Debug, Deserialize)]
pub struct BusSettings {
    /// Kafka's bootstrap servers, as `host:port,host:port`.
    pub bootstrap: String,
    /// The registry's Confluent API, as `http://host:port/apis/ccompat/v7`.
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
    /// More settings of librdkafka (`security.protocol`, `sasl.…`), for producers and consumers alike.
    #[serde(default)]
    pub extra: BTreeMap<String, String>,
}

fn default_client_id() -> String {
    "event-bus".to_owned()
}

impl BusSettings {
    /// Settings with no prefix and nothing extra.
    pub fn new(bootstrap: impl Into<String>, registry_url: impl Into<String>) -> Self {
        Self {
            bootstrap: bootstrap.into(),
            registry_url: registry_url.into(),
            topic_prefix: String::new(),
            subject_naming: SubjectNaming::default(),
            content_mode: ContentMode::default(),
            client_id: default_client_id(),
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

    /// What every client of librdkafka begins with. `extra` comes first, so that what a client's
    /// correctness rests on cannot be set away.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in &self.extra {
            config.set(name, value);
        }
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", &self.client_id)
            .set("reconnect.backoff.ms", "100")
            .set("reconnect.backoff.max.ms", "2000")
            .set("socket.keepalive.enable", "true");
        config
    }
}
