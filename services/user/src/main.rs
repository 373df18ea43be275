//! The user service's binary.

use std::process::ExitCode;

use user_service::{App, settings::UserSettings};

#[tokio::main]
async fn main() -> ExitCode {
    service::main("user", |settings| async {
        let own = UserSettings::load()?;
        App::start(settings, own).await
    })
    .await
}
