//! The event store's projector.

use std::process::ExitCode;

use event_store_projector::App;

#[tokio::main]
async fn main() -> ExitCode {
    service::main("event-store", App::start).await
}
