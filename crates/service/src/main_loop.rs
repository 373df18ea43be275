//! The `main` of every service.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::{Running, Settings, StartError, telemetry};

/// Runs a service until SIGTERM or SIGINT: installs telemetry, reads the settings, starts, waits, shuts down.
///
/// The exit code is 0 after an orderly shutdown, 78 (`EX_CONFIG`) for an invalid setting, 1 for anything else.
pub async fn main<F>(name: &'static str, start: impl FnOnce(Settings) -> F) -> ExitCode
where
    F: Future<Output = Result<Running, StartError>>,
{
    telemetry::install(name);
    let started = match Settings::load() {
        Ok(settings) => start(settings).await,
        Err(wrong) => Err(wrong.into()),
    };
    let running = match started {
        Ok(running) => running,
        Err(error) => {
            tracing::error!(service = name, "cannot start: {error}");
            eprintln!("{name}: cannot start: {error}");
            return match error {
                StartError::Setting(_) => ExitCode::from(78),
                StartError::Dependency { .. } => ExitCode::FAILURE,
            };
        }
    };
    tracing::info!(service = name, address = %running.address(), "ready");
    let stopped = wait_for_signal(&running).await;
    tracing::info!(service = name, reason = stopped, "stopping");
    running.stop().await;
    tracing::info!(service = name, "stopped");
    telemetry::flush();
    if stopped == "server ended" {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

async fn wait_for_signal(running: &Running) -> &'static str {
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await, // no handler can be installed: the default action ends us
        }
    };
    tokio::select! {
        _ = terminate => "SIGTERM",
        _ = tokio::signal::ctrl_c() => "SIGINT",
        () = running.ended() => "server ended",
    }
}
