//! The analytics service.

use std::process::ExitCode;

use analytics_service::App;

#[tokio::main]
async fn main() -> ExitCode {
    service::main("analytics", App::start).await
}
