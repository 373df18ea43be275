//! The billing service.

use std::process::ExitCode;

use billing_service::{App, settings::BillingSettings};

#[tokio::main]
async fn main() -> ExitCode {
    service::main("billing", |settings| async {
        let own = BillingSettings::load()?;
        App::start(settings, own).await
    })
    .await
}
