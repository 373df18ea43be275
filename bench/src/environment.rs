//! The environment of a measurement: servers, names, reference implementations, scale.

use std::{env, path::PathBuf};

use anyhow::Context;
use event_bus::BusSettings;

/// The servers and names of one run. Passed to the processes of the sides through environment variables.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Kafka, as `host:port`.
    pub kafka: String,
    /// The registry's Confluent API.
    pub registry: String,
    /// PostgreSQL, as a URL of a superuser.
    pub postgres: String,
    /// Prefix of the topics, groups and databases of this run.
    pub run: String,
    /// Fraction of the full number of events; less than 1 for trials.
    pub scale: f64,
    /// The folder of reference implementations that `scripts/bench` built.
    pub rivals: PathBuf,
    /// The jars of Kafka and its tools.
    pub jars: PathBuf,
    /// The Java executable.
    pub java: PathBuf,
}

/// The environment variable that holds [`Environment::run`].
pub const RUN: &str = "BENCH_RUN";
/// The environment variable that holds [`Environment::scale`].
pub const SCALE: &str = "BENCH_SCALE";

impl Environment {
    /// Reads the environment variables set by the stack and `scripts/bench`.
    ///
    /// # Errors
    /// A variable is not set; the message names it.
    pub fn from_env() -> anyhow::Result<Self> {
        let set = |name: &str| {
            env::var(name).with_context(|| format!("{name} is not set: run `make bench`"))
        };
        Ok(Self {
            kafka: set("TENANTRY_KAFKA")?,
            registry: set("TENANTRY_REGISTRY")?,
            postgres: set("TENANTRY_POSTGRES_ADMIN")?,
            run: env::var(RUN).unwrap_or_else(|_| "bench".to_owned()),
            scale: env::var(SCALE).map_or(Ok(1.0), |scale| scale.parse())?,
            rivals: set("BENCH_RIVALS")?.into(),
            jars: set("TENANTRY_KAFKA_CLASSPATH")?.into(),
            java: set("TENANTRY_JAVA")?.into(),
        })
    }

    /// Returns the settings of the bus, with the prefix of this run.
    pub fn bus(&self) -> BusSettings {
        let mut bus = BusSettings::new(&self.kafka, &self.registry);
        bus.topic_prefix = format!("{}.", self.run);
        bus
    }

    /// Returns the number of events for a full number of `full`; at least one.
    pub fn scaled(&self, full: u64) -> u64 {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let scaled = (full as f64 * self.scale) as u64;
        scaled.max(1)
    }
}
