//! The notification service.

use std::process::ExitCode;

use notification_service::{App, settings::NotificationSettings};

#[tokio::main]
async fn main() -> ExitCode {
    service::main("notification", |settings| async {
        let own = NotificationSettings::load()?;
        App::start(settings, own).await
    })
    .await
}
