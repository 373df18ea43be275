//! A stub HTTP server in place of another service.

use std::net::TcpListener;

use actix_web::{App, HttpServer, web::ServiceConfig};

use crate::on_shared_runtime;

/// A stub HTTP server on a free port, with the routes of a test. It runs for as long as the process.
///
/// ```no_run
/// # async fn example() {
/// use actix_web::{HttpResponse, web};
///
/// let state = web::Data::new("state shared with the test");
/// let server = testkit::StubServer::start(move |config| {
///     config
///         .app_data(state.clone())
///         .route("/health", web::get().to(async || HttpResponse::Ok().finish()));
/// })
/// .await;
/// println!("{}/health", server.url());
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct StubServer {
    url: String,
}

impl StubServer {
    /// Starts a server with the routes and data that `configure` registers.
    pub async fn start(
        configure: impl Fn(&mut ServiceConfig) + Clone + Send + Sync + 'static,
    ) -> Self {
        on_shared_runtime(async move { Self::spawn(configure) }).await
    }

    /// Starts a server on the current runtime, which must outlive the test.
    pub(crate) fn spawn(
        configure: impl Fn(&mut ServiceConfig) + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("the listener is bound");
        let server = HttpServer::new(move || App::new().configure(configure.clone()))
            .workers(1)
            .disable_signals()
            .listen(listener)
            .expect("the server listens");
        tokio::spawn(server.run());
        Self {
            url: format!("http://{address}"),
        }
    }

    /// Returns the base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}
