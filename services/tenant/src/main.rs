//! The tenant service.

use std::process::ExitCode;

use tenant_service::{App, settings::TenantSettings};

#[tokio::main]
async fn main() -> ExitCode {
    service::main("tenant", |settings| async {
        let own = TenantSettings::load()?;
        App::start(settings, own).await
    })
    .await
}
