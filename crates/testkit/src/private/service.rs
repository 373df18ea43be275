//! A service in its own process.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{
    free_port,
    process::{Process, TempDir},
};
use crate::eventually_within;

/// A service in its own process.
pub struct Service {
    dir: TempDir,
    binary: PathBuf,
    variables: HashMap<String, String>,
    port: u16,
    process: Process,
}

impl Service {
    /// Starts `binary` with these environment variables on a free port and waits until it is ready.
    pub async fn start(binary: impl Into<PathBuf>, variables: HashMap<String, String>) -> Self {
        Self::start_on(free_port(), binary, variables).await
    }

    /// Starts `binary` on a given port, for services that are configured with each other's URL.
    pub async fn start_on(
        port: u16,
        binary: impl Into<PathBuf>,
        mut variables: HashMap<String, String>,
    ) -> Self {
        let (dir, binary) = (TempDir::new("service"), binary.into());
        variables.insert("TENANTRY_BIND".to_owned(), format!("127.0.0.1:{port}"));
        let process = Self::launch(&binary, &variables, &dir.0);
        let service = Self {
            dir,
            binary,
            variables,
            port,
            process,
        };
        service.wait_until_ready().await;
        service
    }

    /// Returns the base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sends SIGKILL, like a node failure.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Sends SIGTERM, as Kubernetes does, waits for the graceful shutdown, and returns whether the process succeeded.
    pub async fn terminate(&mut self) -> bool {
        let Some(mut child) = self.process.0.take() else {
            return false;
        };
        let signal = Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status();
        assert!(signal.expect("kill starts").success(), "the signal is sent");
        eventually_within(Duration::from_mins(1), "the service to stop", || {
            let ended = child.try_wait().expect("the process is awaited");
            async move { ended.map(|status| status.success()) }
        })
        .await
    }

    /// Restarts the service with the same configuration.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = Self::launch(&self.binary, &self.variables, &self.dir.0);
        self.wait_until_ready().await;
    }

    /// Returns the log output so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.0.join("service.log")).unwrap_or_default()
    }

    async fn wait_until_ready(&self) {
        let url = format!("{}/health/ready", self.url());
        eventually_within(Duration::from_secs(30), &url, || async {
            reqwest::get(&url)
                .await
                .ok()
                .filter(|response| response.status().is_success())
        })
        .await;
    }

    fn launch(binary: &Path, variables: &HashMap<String, String>, dir: &Path) -> Process {
        let mut command = Command::new(binary);
        command.envs(variables).current_dir(dir);
        Process::start(&mut command, &dir.join("service.log"))
    }
}
