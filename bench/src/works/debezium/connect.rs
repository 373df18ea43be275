//! A Kafka Connect process with one connector.

use std::{
    fs::{self, File},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::Context;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    time::timeout,
};
use url::Url;

use super::{Way, slot_name, table, word};
use crate::{
    environment::Environment,
    works::{outboxes, relay::rows::DATABASE},
};

/// Time limit of the shutdown, which may wait for offsets.
const GRACE: Duration = Duration::from_secs(20);

/// Keys and headers as text, values as bytes. `acks=all` and idempotent like the bus, with large batches.
const WORKER: &str = "key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=io.debezium.converters.BinaryDataConverter
header.converter=org.apache.kafka.connect.storage.StringConverter
plugin.discovery=service_load
listeners=http://127.0.0.1:0
producer.acks=all
producer.enable.idempotence=true
producer.max.in.flight.requests.per.connection=5
producer.compression.type=lz4
producer.linger.ms=10
producer.batch.size=262144
";

/// Ten times the default batch and queue size, and no delay for incomplete batches. Without Debezium's own headers.
const CONNECTOR: &str = "name=outbox
connector.class=io.debezium.connector.postgresql.PostgresConnector
tasks.max=1
plugin.name=pgoutput
publication.name=debezium
publication.autocreate.mode=disabled
table.include.list=debezium.outbox
binary.handling.mode=bytes
tombstones.on.delete=false
extended.headers.enabled=false
max.batch.size=20480
max.queue.size=81920
poll.interval.ms=10
snapshot.fetch.size=20480
transforms=outbox
transforms.outbox.type=io.debezium.transforms.outbox.EventRouter
";

/// A running Kafka Connect worker.
pub struct Worker {
    process: Child,
    log: PathBuf,
}

impl Worker {
    /// Returns whether `scripts/bench` installed it.
    pub fn installed(environment: &Environment) -> bool {
        home(environment).join("connect").is_dir()
    }

    /// Starts the worker with the connector, in a temporary folder.
    pub fn start(environment: &Environment, way: Way) -> anyhow::Result<Self> {
        forget(environment)?;
        let folder = scratch(environment);
        // The file contains the server's password.
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let (worker, connector) = (folder.join("worker"), folder.join("connector"));
        fs::write(&worker, worker_properties(environment, &folder))?;
        fs::write(&connector, connector_properties(environment, way)?)?;
        let log = folder.join("log");
        let output = File::create(&log)?;
        // Heap size and garbage collector as in Kafka's own script.
        let process = Command::new(&environment.java)
            .args([
                "-Xms256m",
                "-Xmx2g",
                "-Dorg.apache.logging.log4j.level=WARN",
            ])
            .arg("-cp")
            .arg(home(environment).join("connect/*"))
            .arg("org.apache.kafka.connect.cli.ConnectStandalone")
            .args([&worker, &connector])
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start java")?;
        Ok(Self { process, log })
    }

    /// Returns the processor time so far.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let pid = self.process.id().context("Kafka Connect has ended")?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        cpu(&stat).with_context(|| format!("unexpected format: {stat}"))
    }

    /// Returns whether the process has ended.
    pub fn ended(&mut self) -> anyhow::Result<bool> {
        Ok(self.process.try_wait()?.is_some())
    }

    /// Returns the end of its log.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Terminates the process, and kills it if necessary.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(pid) = self.process.id() {
            kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM)?;
        }
        if timeout(GRACE, self.process.wait()).await.is_err() {
            self.process.kill().await?;
        }
        Ok(())
    }
}

/// Removes the temporary folder.
pub fn forget(environment: &Environment) -> anyhow::Result<()> {
    let folder = scratch(environment);
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

fn scratch(environment: &Environment) -> PathBuf {
    environment
        .rivals
        .join(format!("connect-{}", word(&environment.run)))
}

fn home(environment: &Environment) -> PathBuf {
    environment.rivals.join("debezium")
}

fn worker_properties(environment: &Environment, folder: &Path) -> String {
    format!(
        "bootstrap.servers={}\nplugin.path={}\noffset.storage.file.filename={}\n{WORKER}",
        environment.kafka,
        home(environment).join("plugins").display(),
        folder.join("offsets").display(),
    )
}

fn connector_properties(environment: &Environment, way: Way) -> anyhow::Result<String> {
    let server: Url = environment.postgres.parse()?;
    let options = outboxes::options(environment, DATABASE)?;
    let mode = match way {
        // Without a stored offset, from the creation of the slot.
        Way::Log | Way::LogBare => "no_data",
        Way::Snapshot => "initial_only",
    };
    let placement = table::placement(way)?.map_or_else(String::new, |placement| {
        format!("transforms.outbox.table.fields.additional.placement={placement}\n")
    });
    Ok(format!(
        "{CONNECTOR}{placement}database.hostname={}\ndatabase.port={}\ndatabase.user={}\ndatabase.password={}\n\
         database.dbname={}\ntopic.prefix={}\nslot.name={}\nsnapshot.mode={mode}\n\
         transforms.outbox.route.topic.replacement={}${{routedByValue}}\n",
        server.host_str().context("a URL without a host")?,
        server.port().unwrap_or(5432),
        server.username(),
        server.password().unwrap_or_default(),
        options.get_database().unwrap_or_default(),
        word(&environment.run),
        slot_name(environment),
        environment.bus().topic_prefix,
    ))
}

/// Parses user and system time of `/proc/PID/stat`, in hundredths of a second.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read() {
        let stat = "4711 (ja va) S) S 1 4711 4711 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 30 0 1";
        assert_eq!(cpu(stat), Some(Duration::from_secs(3)));
        assert_eq!(cpu("nothing"), None);
    }
}
