//! Child processes and their working directories.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use uuid::Uuid;

/// A temporary directory that is removed when dropped.
pub(super) struct TempDir(pub(super) PathBuf);

impl TempDir {
    pub(super) fn new(what: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("tenantry-{what}-{}", Uuid::new_v4().simple()));
        std::fs::create_dir_all(&path).expect("the directory is created");
        Self(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // A leftover directory does no harm.
        let _ignored = std::fs::remove_dir_all(&self.0);
    }
}

/// A child process that is killed when dropped.
pub(super) struct Process(pub(super) Option<Child>);

impl Process {
    pub(super) fn start(command: &mut Command, log: &Path) -> Self {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log)
            .expect("the log file is opened");
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log file is opened"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Self(Some(child))
    }

    /// Sends SIGKILL and waits for the end of the process.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().expect("the process is killed");
            child.wait().expect("the process is awaited");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
