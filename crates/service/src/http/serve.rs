//! The HTTP server and its shutdown.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Mutex,
    time::Duration,
};

use actix_web::{App, HttpServer, dev::ServerHandle, middleware::from_fn, web};
use tokio::{sync::watch, task::JoinHandle};
use tracing_actix_web::TracingLogger;
use utoipa_actix_web::{AppExt, service_config::ServiceConfig};

use super::{docs, health, observe};
use crate::{Runtime, StartError};

/// How long requests in progress may take to finish at shutdown, in seconds.
const DRAIN_SECONDS: u64 = 10;

/// A service that answers requests and handles events until [`Running::stop`].
pub struct Running {
    address: SocketAddr,
    runtime: Runtime,
    handle: ServerHandle,
    server: Mutex<Option<JoinHandle<()>>>,
    ended: watch::Receiver<bool>,
}

impl Running {
    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The runtime below it.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Completes when the server has ended, for whatever reason.
    pub async fn ended(&self) {
        // An error means that the task is gone, which is an end as well.
        let mut ended = self.ended.clone();
        let _gone = ended.wait_for(|ended| *ended).await;
    }

    /// Shuts down in order: cancels long-lived responses, consumers and jobs; stops accepting requests and finishes
    /// those in progress; drains consumers; empties outboxes; closes pools.
    pub async fn stop(&self) {
        self.runtime.begin_stop();
        self.handle.stop(true).await;
        let server = self.server.lock().ok().and_then(|mut server| server.take());
        if let Some(server) = server
            && let Err(error) = server.await
        {
            tracing::error!(%error, "HTTP server panicked");
        }
        self.runtime.shut_down().await;
    }
}

pub(crate) fn serve(
    runtime: Runtime,
    listener: TcpListener,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Result<Running, StartError> {
    let failed = |error| StartError::dependency("the HTTP server cannot start", error);
    let address = listener.local_addr().map_err(failed)?;
    let shared = runtime.clone();
    let offered = docs::offered(runtime.settings());
    let server = HttpServer::new(move || {
        let routes = routes.clone();
        let (app, api) = App::new()
            .into_utoipa_app()
            .map(|app| {
                app.app_data(web::Data::new(shared.clone()))
                    .app_data(web::Data::new(shared.verifier().clone()))
                    .wrap(from_fn(observe::observe))
                    .wrap(TracingLogger::<observe::RequestSpan>::new())
                    .service(health::live)
                    .service(health::ready)
                    .service(health::metrics)
            })
            .configure(move |config| routes(config))
            .split_for_parts();
        let api = docs::complete(api, shared.name());
        app.configure(|config| docs::routes(&api, offered.clone(), config))
    })
    .workers(2)
    .shutdown_timeout(DRAIN_SECONDS)
    .client_request_timeout(Duration::from_secs(10))
    .disable_signals()
    .listen(listener)
    .map_err(failed)?
    .run();
    let handle = server.handle();
    let (tell, ended) = watch::channel(false);
    let server = tokio::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "HTTP server ended");
        }
        tell.send_replace(true);
    });
    Ok(Running {
        address,
        runtime,
        handle,
        server: Mutex::new(Some(server)),
        ended,
    })
}
