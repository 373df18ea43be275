//! Kafka Connect with one connector, a process of its own.

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
    place::Place,
    works::{outboxes, relay::rows::DATABASE},
};

/// A connector's shutdown may wait for the last offsets.
const GRACE: Duration = Duration::from_secs(20);

/// Keys and headers as text, values as the bytes they are. Durable as the bus: Connect's own `acks=all`, idempotent; with
/// batches as large as its sources fill them.
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

/// Ten times the default batch and queue, as for throughput, and no waiting where a batch is not full. Without the headers in
/// which Debezium tells of itself.
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

/// A running worker.
pub struct Worker {
    process: Child,
    log: PathBuf,
}

impl Worker {
    /// Whether `scripts/bench` has put it here.
    pub fn installed(place: &Place) -> bool {
        home(place).join("connect").is_dir()
    }

    /// Starts it with the connector, in a scratch folder of this run.
    pub fn start(place: &Place, way: Way) -> anyhow::Result<Self> {
        forget(place)?;
        let folder = scratch(place);
        // The server's password is in it.
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let (worker, connector) = (folder.join("worker"), folder.join("connector"));
        fs::write(&worker, worker_properties(place, &folder))?;
        fs::write(&connector, connector_properties(place, way)?)?;
        let log = folder.join("log");
        let output = File::create(&log)?;
        // The heap and the missing choice of a collector are those of Kafka's own script for it.
        let process = Command::new(&place.java)
            .args([
                "-Xms256m",
                "-Xmx2g",
                "-Dorg.apache.logging.log4j.level=WARN",
            ])
            .arg("-cp")
            .arg(home(place).join("connect/*"))
            .arg("org.apache.kafka.connect.cli.ConnectStandalone")
            .args([&worker, &connector])
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .context("java does not start")?;
        Ok(Self { process, log })
    }

    /// The processor time it has taken so far.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let pid = self.process.id().context("Kafka Connect has ended")?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        cpu(&stat).with_context(|| format!("not understood: {stat}"))
    }

    /// Whether it has ended by itself.
    pub fn ended(&mut self) -> anyhow::Result<bool> {
        Ok(self.process.try_wait()?.is_some())
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Asks it to end, and ends it if it does not.
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

/// Removes the scratch folder of this run.
pub fn forget(place: &Place) -> anyhow::Result<()> {
    let folder = scratch(place);
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

fn scratch(place: &Place) -> PathBuf {
    place.rivals.join(format!("connect-{}", word(&place.run)))
}

fn home(place: &Place) -> PathBuf {
    place.rivals.join("debezium")
}

fn worker_properties(place: &Place, folder: &Path) -> String {
    format!(
        "bootstrap.servers={}\nplugin.path={}\noffset.storage.file.filename={}\n{WORKER}",
        place.kafka,
        home(place).join("plugins").display(),
        folder.join("offsets").display(),
    )
}

fn connector_properties(place: &Place, way: Way) -> anyhow::Result<String> {
    let server: Url = place.postgres.parse()?;
    let options = outboxes::options(place, DATABASE)?;
    let mode = match way {
        // With no offset kept, from where the slot was made.
        Way::TopicLog | Way::LogBare => "no_data",
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
        word(&place.run),
        slot_name(place),
        place.bus().topic_prefix,
    ))
}

/// The user's and the system's time in `/proc/PID/stat`, in hundredths of a second on every Linux.
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
