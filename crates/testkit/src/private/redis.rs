//! A private Redis server.

use std::{path::Path, process::Command, time::Duration};

use super::{
    free_port,
    process::{Process, TempDir},
    wait_until_listening,
};
use crate::stack::variable;

/// A private Redis server without persistence.
pub struct Redis {
    dir: TempDir,
    port: u16,
    process: Process,
}

impl Redis {
    /// Starts an empty server and waits until it accepts connections.
    pub async fn start() -> Self {
        let (dir, port) = (TempDir::new("redis"), free_port());
        let process = Self::launch(&dir.0, port);
        wait_until_listening("a private Redis", port, Duration::from_secs(10)).await;
        Self { dir, port, process }
    }

    /// Returns the URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Kills the server; its data is lost.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Restarts the server, empty, on the same port.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = Self::launch(&self.dir.0, self.port);
        wait_until_listening("a private Redis", self.port, Duration::from_secs(10)).await;
    }

    fn launch(dir: &Path, port: u16) -> Process {
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
            .current_dir(dir);
        Process::start(&mut command, &dir.join("redis.log"))
    }
}
