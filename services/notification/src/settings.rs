//! Settings of the notification service, in addition to those of every service.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;
use service::settings::{InvalidSetting, load};

/// The notification service's own settings.
#[derive(Clone, Debug, Deserialize)]
pub struct NotificationSettings {
    /// The directory in which e-mails are written as `.eml` files if no mail server is set (`TENANTRY_MAIL_DIR`).
    #[serde(default)]
    pub mail_dir: Option<PathBuf>,
    /// URL of the mail server, `smtps://user:password@host` or `smtp://host:port?tls=required` (`TENANTRY_SMTP_URL`).
    #[serde(default)]
    pub smtp_url: Option<SecretString>,
    /// The sender of e-mails, `Name <address>` (`TENANTRY_MAIL_FROM`).
    #[serde(default = "default_sender")]
    pub mail_from: String,
}

fn default_sender() -> String {
    "Tenantry <no-reply@tenantry.localhost>".to_owned()
}

impl NotificationSettings {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// The first setting that is invalid.
    pub fn load() -> Result<Self, InvalidSetting> {
        load()
    }
}
