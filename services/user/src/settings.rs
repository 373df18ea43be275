//! The user service's own settings.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;
use service::settings::InvalidSetting;

/// Settings that only the user service takes, in addition to [`service::Settings`].
#[derive(Clone, Debug, Deserialize)]
pub struct UserSettings {
    /// PEM file with one or more Ed25519 private keys (PKCS#8). The first signs tokens; all are published.
    pub signing_key_file: PathBuf,
    /// The secret that each service's own secret is derived from.
    pub service_master: SecretString,
    /// E-mail address of the landlord, the first platform admin. The account is created on start unless it exists.
    pub landlord_email: String,
    /// The landlord's initial password.
    pub landlord_password: SecretString,
}

impl UserSettings {
    /// Reads the settings from the same sources as [`service::Settings::load`].
    ///
    /// # Errors
    /// [`InvalidSetting`] for the first setting that is missing or invalid.
    pub fn load() -> Result<Self, InvalidSetting> {
        service::settings::load()
    }
}
