//! Servers for one test alone, to be killed and started again. They end with the test.

use std::{
    collections::HashMap,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use uuid::Uuid;

use crate::{eventually_within, stack::variable};

/// A folder that goes with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new(what: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("tenantry-{what}-{}", Uuid::new_v4().simple()));
        std::fs::create_dir_all(&path).expect("the temporary folder can be written");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left behind it does no harm.
        let _left = std::fs::remove_dir_all(&self.0);
    }
}

/// A process that is killed with its owner.
struct Process(Option<Child>);

impl Process {
    fn start(command: &mut Command, log: &Path) -> Self {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log)
            .expect("a log file");
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        Self(Some(child))
    }

    /// SIGKILL: nothing is flushed, nobody is told.
    fn kill(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().expect("it is ours to kill");
            child.wait().expect("it is ours to wait for");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that is free now.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

async fn listening(what: &str, port: u16, deadline: Duration) {
    eventually_within(deadline, &format!("{what} on port {port}"), || async {
        tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .ok()
    })
    .await;
}

/// A Kafka broker of its own.
pub struct Kafka {
    folder: Folder,
    port: u16,
    process: Process,
}

impl Kafka {
    /// A fresh broker, formatted and answering.
    pub async fn start() -> Self {
        let folder = Folder::new("kafka");
        let (port, controller) = (free_port(), free_port());
        let template = include_str!("../../../kafka/server.properties");
        let properties = template
            .replace("@PORT@", &port.to_string())
            .replace("@CONTROLLER_PORT@", &controller.to_string())
            .replace("@HOME@", &folder.0.display().to_string());
        std::fs::write(folder.0.join("kafka.properties"), properties).expect("a configuration");
        let formatted = java(&folder.0)
            .args([
                "kafka.tools.StorageTool",
                "format",
                "--cluster-id",
                "dGVuYW50cnktcHJpdmF0ZQ",
            ])
            .arg("--config")
            .arg(folder.0.join("kafka.properties"))
            .output()
            .expect("Java runs");
        assert!(
            formatted.status.success(),
            "{}",
            String::from_utf8_lossy(&formatted.stderr)
        );
        let process = Self::launch(&folder.0);
        let kafka = Self {
            folder,
            port,
            process,
        };
        listening("a private Kafka", port, Duration::from_mins(1)).await;
        kafka
    }

    /// Its bootstrap address.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills it: what it had acknowledged is in its log, nothing else.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again with the same data on the same port.
    pub async fn start_again(&mut self) {
        self.process.kill();
        self.process = Self::launch(&self.folder.0);
        listening("a private Kafka", self.port, Duration::from_mins(1)).await;
    }

    fn launch(folder: &Path) -> Process {
        let mut command = java(folder);
        command.args([
            "-Xms64m",
            "-Xmx320m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "kafka.Kafka",
        ]);
        command.arg(folder.join("kafka.properties"));
        Process::start(&mut command, &folder.join("kafka.log"))
    }
}

fn java(folder: &Path) -> Command {
    let mut command = Command::new(variable("TENANTRY_JAVA"));
    command
        .env(
            "CLASSPATH",
            format!("{}/*", variable("TENANTRY_KAFKA_CLASSPATH")),
        )
        .current_dir(folder);
    command
}

/// A Redis server of its own.
pub struct Redis {
    folder: Folder,
    port: u16,
    process: Process,
}

impl Redis {
    /// A fresh server, answering.
    pub async fn start() -> Self {
        let (folder, port) = (Folder::new("redis"), free_port());
        let process = Self::launch(&folder.0, port);
        listening("a private Redis", port, Duration::from_secs(10)).await;
        Self {
            folder,
            port,
            process,
        }
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Kills it and all it holds.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, empty, on the same port.
    pub async fn start_again(&mut self) {
        self.process.kill();
        self.process = Self::launch(&self.folder.0, self.port);
        listening("a private Redis", self.port, Duration::from_secs(10)).await;
    }

    fn launch(folder: &Path, port: u16) -> Process {
        let mut command = Command::new(variable("TENANTRY_REDIS_SERVER"));
        command
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .current_dir(folder);
        Process::start(&mut command, &folder.join("redis.log"))
    }
}

/// A service in a process of its own, to be killed.
pub struct Service {
    folder: Folder,
    binary: PathBuf,
    variables: HashMap<String, String>,
    port: u16,
    process: Process,
}

impl Service {
    /// Starts `binary` with these variables on a free port and waits until it is ready.
    pub async fn start(binary: impl Into<PathBuf>, variables: HashMap<String, String>) -> Self {
        Self::start_on(free_port(), binary, variables).await
    }

    /// The same on this port: for services that are told of each other before they start.
    pub async fn start_on(
        port: u16,
        binary: impl Into<PathBuf>,
        mut variables: HashMap<String, String>,
    ) -> Self {
        let (folder, binary) = (Folder::new("service"), binary.into());
        variables.insert("TENANTRY_BIND".to_owned(), format!("127.0.0.1:{port}"));
        let process = Self::launch(&binary, &variables, &folder.0);
        let service = Self {
            folder,
            binary,
            variables,
            port,
            process,
        };
        service.ready().await;
        service
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// SIGKILL, as a node that dies.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// SIGTERM, as Kubernetes ends it, and waits until it has drained; whether it ended well.
    pub async fn terminate(&mut self) -> bool {
        let Some(mut child) = self.process.0.take() else {
            return false;
        };
        let told = Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status();
        assert!(told.expect("kill runs").success(), "it is ours to end");
        eventually_within(Duration::from_mins(1), "the service to end", || {
            let ended = child.try_wait().expect("it is ours to wait for");
            async move { ended.map(|status| status.success()) }
        })
        .await
    }

    /// Starts it again as it was.
    pub async fn start_again(&mut self) {
        self.process.kill();
        self.process = Self::launch(&self.binary, &self.variables, &self.folder.0);
        self.ready().await;
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.0.join("service.log")).unwrap_or_default()
    }

    async fn ready(&self) {
        let url = format!("{}/health/ready", self.url());
        eventually_within(Duration::from_secs(30), &url, || async {
            reqwest::get(&url)
                .await
                .ok()
                .filter(|answer| answer.status().is_success())
        })
        .await;
    }

    fn launch(binary: &Path, variables: &HashMap<String, String>, folder: &Path) -> Process {
        let mut command = Command::new(binary);
        command.envs(variables).current_dir(folder);
        Process::start(&mut command, &folder.join("service.log"))
    }
}
