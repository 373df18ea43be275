//! The order service.

use std::process::ExitCode;

use order_service::{App, settings::OrderSettings};

#[tokio::main]
async fn main() -> ExitCode {
    service::main("order", |settings| async {
        let own = OrderSettings::load()?;
        App::start(settings, own).await
    })
    .await
}
