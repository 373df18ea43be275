//! A private Kafka broker.

use std::{path::Path, process::Command, time::Duration};

use super::{
    free_port,
    process::{Process, TempDir},
    wait_until_listening,
};
use crate::stack::variable;

/// A private Kafka broker.
pub struct Kafka {
    dir: TempDir,
    port: u16,
    process: Process,
}

impl Kafka {
    /// Starts a broker with empty storage and waits until it accepts connections.
    pub async fn start() -> Self {
        let dir = TempDir::new("kafka");
        let (port, controller) = (free_port(), free_port());
        let template = include_str!("../../../../kafka/server.properties");
        let properties = template
            .replace("@PORT@", &port.to_string())
            .replace("@CONTROLLER_PORT@", &controller.to_string())
            .replace("@HOME@", &dir.0.display().to_string());
        std::fs::write(dir.0.join("kafka.properties"), properties)
            .expect("the configuration is written");
        let formatted = java(&dir.0)
            .args([
                "kafka.tools.StorageTool",
                "format",
                "--cluster-id",
                "dGVuYW50cnktcHJpdmF0ZQ",
            ])
            .arg("--config")
            .arg(dir.0.join("kafka.properties"))
            .output()
            .expect("Java starts");
        assert!(
            formatted.status.success(),
            "{}",
            String::from_utf8_lossy(&formatted.stderr)
        );
        let process = Self::launch(&dir.0);
        let kafka = Self { dir, port, process };
        wait_until_listening("a private Kafka", port, Duration::from_mins(1)).await;
        kafka
    }

    /// Returns the bootstrap address.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills the broker. Acknowledged records are in its log.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Restarts the broker with the same storage and port.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = Self::launch(&self.dir.0);
        wait_until_listening("a private Kafka", self.port, Duration::from_mins(1)).await;
    }

    fn launch(dir: &Path) -> Process {
        let mut command = java(dir);
        command.args([
            "-Xms64m",
            "-Xmx320m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "kafka.Kafka",
        ]);
        command.arg(dir.join("kafka.properties"));
        Process::start(&mut command, &dir.join("kafka.log"))
    }
}

fn java(dir: &Path) -> Command {
    let mut command = Command::new(variable("TENANTRY_JAVA"));
    command
        .env(
            "CLASSPATH",
            format!("{}/*", variable("TENANTRY_KAFKA_CLASSPATH")),
        )
        .current_dir(dir);
    command
}
