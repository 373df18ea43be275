//! Where a measurement takes place: servers, names, rivals, and how much is done.

use std::{env, path::PathBuf};

use anyhow::Context;
use event_bus::BusSettings;

/// The servers and what belongs to one run. Handed to the processes of the sides through the environment.
#[derive(Clone, Debug)]
pub struct Place {
    /// Kafka, as `host:port`.
    pub kafka: String,
    /// The registry's Confluent API.
    pub registry: String,
    /// PostgreSQL, as a superuser's URL.
    pub postgres: String,
    /// Begins the name of every topic, group and database of this run.
    pub run: String,
    /// Of the full number of events, so much is done: 1 but for trials.
    pub scale: f64,
    /// Where `scripts/bench` put what it built of the rivals.
    pub rivals: PathBuf,
    /// The jars of Kafka and its tools.
    pub jars: PathBuf,
    /// Java.
    pub java: PathBuf,
}

/// What `run` adds to the environment of a side.
pub const RUN: &str = "BENCH_RUN";
/// As [`RUN`]: the scale.
pub const SCALE: &str = "BENCH_SCALE";

impl Place {
    /// As the stack's environment and `scripts/bench` say.
    ///
    /// # Errors
    /// Names what is not set.
    pub fn from_env() -> anyhow::Result<Self> {
        let set = |name: &str| {
            env::var(name).with_context(|| format!("{name} is not set: run this by `make bench`"))
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

    /// The bus, whose topics and groups are this run's.
    pub fn bus(&self) -> BusSettings {
        let mut bus = BusSettings::new(&self.kafka, &self.registry);
        bus.topic_prefix = format!("{}.", self.run);
        bus
    }

    /// So many of `full` are done in this run; never none.
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
