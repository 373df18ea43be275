//! What the notification service is told besides what every service is told.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;
use service::settings::{BadSetting, load};

/// The notification service's own settings.
#[derive(Clone, Debug, Deserialize)]
pub struct NotificationSettings {
    /// Where e-mails are written as `.eml` files while no mail server is set (`TENANTRY_MAIL_DIR`).
    #[serde(default)]
    pub mail_dir: Option<PathBuf>,
    /// The mail server, `smtps://user:password@host` or `smtp://host:port?tls=required` (`TENANTRY_SMTP_URL`).
    #[serde(default)]
    pub smtp_url: Option<SecretString>,
    /// Who e-mails are from, `Name <address>` (`TENANTRY_MAIL_FROM`).
    #[serde(default = "nobody")]
    pub mail_from: String,
}

fn nobody() -> String {
    "Tenantry <no-reply@tenantry.localhost>".to_owned()
}

impl NotificationSettings {
    /// Reads them.
    ///
    /// # Errors
    /// The first that is wrong.
    pub fn load() -> Result<Self, BadSetting> {
        load()
    }
}
