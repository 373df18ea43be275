//! The machine, commit and versions of a run.

use std::{fs, path::Path, process::Command};

use serde::{Deserialize, Serialize};
use sqlx::{Connection, PgConnection};

use crate::environment::Environment;

/// The machine.
#[derive(Serialize, Deserialize)]
pub struct Machine {
    /// The processor model.
    pub processor: String,
    /// Number of cores.
    pub cores: usize,
    /// Memory in GiB.
    pub memory: f64,
    /// Version of Linux.
    pub kernel: String,
}

impl Machine {
    /// Describes this machine.
    pub fn this() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let processors = read("/proc/cpuinfo");
        let model = field(&processors, "model name").unwrap_or("unknown");
        let memory = read("/proc/meminfo");
        let kibibytes = field(&memory, "MemTotal").and_then(|size| size.split(' ').next());
        let kibibytes: f64 = kibibytes.and_then(|size| size.parse().ok()).unwrap_or(0.0);
        Self {
            processor: model.to_owned(),
            cores: processors
                .lines()
                .filter(|line| line.starts_with("processor"))
                .count(),
            memory: (kibibytes / 1024.0 / 1024.0 * 10.0).round() / 10.0,
            kernel: release(&read("/proc/sys/kernel/osrelease")),
        }
    }
}

/// The kernel's version without the suffix of its builder.
fn release(told: &str) -> String {
    let version = told.trim().split('-').next();
    version.unwrap_or_default().to_owned()
}

/// Finds the value in lines of the form `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = pairs.find(|(key, _)| key.trim() == name)?;
    Some(value.trim())
}

/// Versions as reported by the programs; absent if not installed.
#[derive(Default, Serialize, Deserialize)]
pub struct Versions {
    pub rustc: Option<String>,
    pub librdkafka: Option<String>,
    pub kafka: Option<String>,
    pub postgresql: Option<String>,
    pub java: Option<String>,
    pub debezium: Option<String>,
}

impl Versions {
    /// Collects the versions.
    pub async fn of(environment: &Environment) -> Self {
        let (_, librdkafka) = rdkafka::util::get_rdkafka_version();
        Self {
            rustc: said("rustc", &["--version"]).and_then(|said| word(&said, 1)),
            librdkafka: Some(librdkafka),
            kafka: jar(&environment.jars, "kafka-clients-"),
            postgresql: postgresql(&environment.postgres).await.ok(),
            java: said(&environment.java, &["-version"]).and_then(|said| quoted(&said)),
            debezium: jar(&environment.rivals, "debezium-connector-postgres-"),
        }
    }

    /// Returns the known versions with their names, in the order of display.
    pub fn told(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("rustc", &self.rustc),
            ("librdkafka", &self.librdkafka),
            ("Kafka", &self.kafka),
            ("PostgreSQL", &self.postgresql),
            ("Java", &self.java),
            ("Debezium", &self.debezium),
        ];
        let there = all.into_iter();
        there.filter_map(|(name, version)| Some((name, version.as_deref()?)))
    }
}

/// Returns the version of a PostgreSQL server.
///
/// # Errors
/// The server does not respond.
pub async fn postgresql(url: &str) -> sqlx::Result<String> {
    let mut connection = PgConnection::connect(url).await?;
    let version: String = sqlx::query_scalar("SHOW server_version")
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(version.split(' ').next().unwrap_or_default().to_owned())
}

/// Returns the commit of this checkout, and whether it has uncommitted changes.
pub fn commit() -> String {
    let Some(commit) = said("git", &["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown".to_owned();
    };
    let changed = said("git", &["status", "--porcelain", "--untracked-files=no"]);
    let changed = changed.is_some_and(|said| !said.trim().is_empty());
    format!(
        "{}{}",
        commit.trim(),
        if changed { ", changed" } else { "" }
    )
}

/// Returns the output of a program on both streams.
fn said(program: impl AsRef<Path>, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program.as_ref());
    let output = command.args(arguments).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let said = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&said).into_owned())
}

fn word(text: &str, environment: usize) -> Option<String> {
    text.split_whitespace().nth(environment).map(str::to_owned)
}

/// `openjdk version "17.0.15" 2025-04-15`
fn quoted(text: &str) -> Option<String> {
    text.split('"').nth(1).map(str::to_owned)
}

/// Finds the version in the name of a jar with this prefix, in a folder or below it.
fn jar(folder: &Path, begins: &str) -> Option<String> {
    fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            return jar(&entry.path(), begins);
        }
        let name = entry.file_name();
        version(name.to_str()?, begins).map(str::to_owned)
    })
}

fn version<'a>(file: &'a str, begins: &str) -> Option<&'a str> {
    let version = file.strip_prefix(begins)?.strip_suffix(".jar")?;
    version
        .starts_with(|first: char| first.is_ascii_digit())
        .then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_is_said() {
        assert_eq!(word("rustc 1.95.0 (abc 2026-01-01)", 1).unwrap(), "1.95.0");
        let java = "openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime Environment";
        assert_eq!(quoted(java).unwrap(), "17.0.15");
        assert_eq!(
            version("kafka-clients-4.3.1.jar", "kafka-clients-"),
            Some("4.3.1")
        );
        assert_eq!(
            version("kafka-server-common-4.3.1.jar", "kafka-server-"),
            None
        );
    }

    #[test]
    fn the_kernels_fields_are_found() {
        let text =
            "processor\t: 0\nmodel name\t: Some Processor @ 2.00GHz\nMemTotal:       24689764 kB\n";
        assert_eq!(field(text, "model name"), Some("Some Processor @ 2.00GHz"));
        assert_eq!(field(text, "MemTotal"), Some("24689764 kB"));
        assert_eq!(field(text, "flags"), None);
    }
}
