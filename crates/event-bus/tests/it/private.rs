//! A broker for one test alone, to be killed and started again. It ends with the test.

use std::{
    env,
    fs::{self, File},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use uuid::Uuid;

/// A Kafka broker of its own.
pub struct Kafka {
    folder: PathBuf,
    port: u16,
    process: Option<Child>,
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run through `make test`"))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

impl Kafka {
    /// A fresh broker, formatted and answering.
    pub async fn start() -> Self {
        let folder = env::temp_dir().join(format!("event-bus-kafka-{}", Uuid::now_v7().simple()));
        fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let port = free_port();
        let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../../kafka/server.properties");
        let properties = fs::read_to_string(template)
            .expect("the workspace's broker configuration")
            .replace("@PORT@", &port.to_string())
            .replace("@CONTROLLER_PORT@", &free_port().to_string())
            .replace("@HOME@", &folder.display().to_string());
        fs::write(folder.join("kafka.properties"), properties).expect("a configuration");
        let mut kafka = Self {
            folder,
            port,
            process: None,
        };
        let formatted = kafka
            .java()
            .args(["kafka.tools.StorageTool", "format", "--config"])
            .arg(kafka.folder.join("kafka.properties"))
            .args(["--cluster-id", "ZXZlbnQtYnVzLXByaXZhdA"])
            .output()
            .expect("Java runs");
        let said = String::from_utf8_lossy(&formatted.stderr);
        assert!(formatted.status.success(), "{said}");
        kafka.start_again().await;
        kafka
    }

    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// SIGKILL: nothing is flushed, nobody is told.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.process.take() {
            child.kill().expect("it is ours to kill");
            child.wait().expect("it is ours to wait for");
        }
    }

    /// Starts it with the data it has, on the same port, and waits until it listens.
    pub async fn start_again(&mut self) {
        self.kill();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("kafka.log"))
            .expect("a log file");
        let mut command = self.java();
        command
            .args(["-Xms64m", "-Xmx320m", "-XX:+UseSerialGC"])
            .args(["-XX:TieredStopAtLevel=1", "kafka.Kafka"])
            .arg(self.folder.join("kafka.properties"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log);
        self.process = Some(command.spawn().expect("Java runs"));
        let deadline = Instant::now() + Duration::from_mins(1);
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port))
            .await
            .is_err()
        {
            assert!(Instant::now() < deadline, "the broker does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn java(&self) -> Command {
        let mut command = Command::new(variable("TENANTRY_JAVA"));
        let classpath = format!("{}/*", variable("TENANTRY_KAFKA_CLASSPATH"));
        command
            .env("CLASSPATH", classpath)
            .current_dir(&self.folder);
        command
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.kill();
        // Left behind it does no harm.
        let _left = fs::remove_dir_all(&self.folder);
    }
}
