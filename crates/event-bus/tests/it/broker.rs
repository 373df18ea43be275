//! A Kafka broker for one test alone, to be locked up, killed and started again. It ends with the test.

use std::{
    env,
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use event_bus::BusSettings;
use uuid::Uuid;

use crate::world::eventually;

const MACHINE: [&str; 5] = [
    "-Xms64m",
    "-Xmx320m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dlog4j2.level=WARN",
];

/// The broker's own listener, for whoever sets up a test: no login, every right.
const SETTINGS: &str = "\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
inter.broker.listener.name=INSIDE
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=33554432
";

/// What a broker has besides its own listener.
#[derive(Default)]
pub struct Doors {
    /// Names of listeners, and their protocols: `("SCRAM", "SASL_SSL")`.
    pub listeners: Vec<(&'static str, &'static str)>,
    /// More of the broker's settings; `@HOME@` is its folder.
    pub settings: String,
    /// Users of SCRAM-SHA-512 and their passwords.
    pub users: Vec<(&'static str, &'static str)>,
    /// Options of the Java machine; `@HOME@` is the broker's folder.
    pub java: Vec<String>,
    /// Files in its folder.
    pub files: Vec<(&'static str, String)>,
}

pub struct Broker {
    home: PathBuf,
    ports: Vec<(&'static str, u16)>,
    java: Vec<String>,
    process: Option<Child>,
}

impl Broker {
    /// A broker without locks.
    pub async fn start() -> Self {
        Self::with(Doors::default()).await
    }

    pub async fn with(doors: Doors) -> Self {
        let home = env::temp_dir().join(format!("event-bus-{}", Uuid::now_v7().simple()));
        fs::create_dir_all(&home).expect("the temporary folder can be written");
        for (name, content) in &doors.files {
            fs::write(home.join(name), content).expect("a file");
        }
        let mut listeners = vec![("INSIDE", "PLAINTEXT"), ("CONTROLLER", "PLAINTEXT")];
        listeners.extend(&doors.listeners);
        let ports: Vec<(&str, u16)> = listeners
            .iter()
            .map(|(name, _)| (*name, free_port()))
            .collect();
        let at = |(name, port): &(&str, u16)| format!("{name}://127.0.0.1:{port}");
        let map = listeners
            .iter()
            .map(|(name, protocol)| format!("{name}:{protocol}"));
        let here = home.display().to_string();
        let settings = [
            SETTINGS.to_owned(),
            format!("listeners={}", joined(ports.iter().map(at))),
            format!(
                "advertised.listeners={}",
                joined(
                    ports
                        .iter()
                        .filter(|(name, _)| *name != "CONTROLLER")
                        .map(at)
                )
            ),
            format!("listener.security.protocol.map={}", joined(map)),
            format!("controller.quorum.voters=1@127.0.0.1:{}", ports[1].1),
            format!("log.dirs={here}/data"),
            doors.settings.replace("@HOME@", &here),
        ];
        fs::write(home.join("kafka.properties"), settings.join("\n")).expect("settings");
        let java = doors
            .java
            .iter()
            .map(|option| option.replace("@HOME@", &here));
        let mut broker = Self {
            home,
            ports,
            java: java.collect(),
            process: None,
        };
        let mut format = vec!["format", "--cluster-id", "ZXZlbnQtYnVzLXRlc3RzIQ"];
        format.extend(["--config", "kafka.properties"]);
        let users: Vec<String> = doors
            .users
            .iter()
            .map(|(name, password)| format!("SCRAM-SHA-512=[name={name},password={password}]"))
            .collect();
        for user in &users {
            format.extend(["--add-scram", user]);
        }
        broker.tool("kafka.tools.StorageTool", &format);
        broker.start_again().await;
        broker
    }

    /// Runs one of Kafka's own tools to its end.
    pub fn tool(&self, class: &str, arguments: &[&str]) {
        let ran = java(&self.home)
            .arg(class)
            .args(arguments)
            .output()
            .expect("Java runs");
        assert!(
            ran.status.success(),
            "{class}: {}{}",
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        );
    }

    /// The address of a listener.
    pub fn at(&self, listener: &str) -> String {
        let (_, port) = self
            .ports
            .iter()
            .find(|(name, _)| *name == listener)
            .expect("a listener");
        format!("127.0.0.1:{port}")
    }

    /// Settings for a listener, with the shared registry and names of their own.
    pub fn settings(&self, listener: &str) -> BusSettings {
        let registry =
            env::var("TENANTRY_REGISTRY").expect("TENANTRY_REGISTRY is set by `make test`");
        let mut settings = BusSettings::new(self.at(listener), registry);
        settings.topic_prefix = format!(
            "it{}.",
            self.home
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .replace("event-bus-", "")
        );
        settings
    }

    /// SIGKILL: what was acknowledged is in its log, nothing else.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.process.take() {
            child.kill().expect("it is ours to kill");
            child.wait().expect("it is ours to wait for");
        }
    }

    /// Starts it on what it had, on the same ports, and waits until it listens.
    pub async fn start_again(&mut self) {
        self.kill();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.home.join("kafka.log"))
            .expect("a log file");
        let child = java(&self.home)
            .args(MACHINE)
            .args(&self.java)
            .args(["kafka.Kafka", "kafka.properties"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .spawn()
            .expect("Java runs");
        self.process = Some(child);
        let address = self.at("INSIDE");
        eventually(|| async { tokio::net::TcpStream::connect(&address).await.is_ok() }).await;
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.home.join("kafka.log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines.len().saturating_sub(30);
            println!("the broker said last:\n{}", lines[last..].join("\n"));
        }
        // Left behind it does no harm.
        let _left = fs::remove_dir_all(&self.home);
    }
}

fn java(home: &Path) -> Command {
    let setting = |name| env::var(name).unwrap_or_else(|_| panic!("{name} is set by `make test`"));
    let mut command = Command::new(setting("TENANTRY_JAVA"));
    command
        .env(
            "CLASSPATH",
            format!("{}/*", setting("TENANTRY_KAFKA_CLASSPATH")),
        )
        .current_dir(home);
    command
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}

/// A port that is free now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}
