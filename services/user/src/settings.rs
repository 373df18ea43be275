//! What only this service is told.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;
use service::settings::BadSetting;

/// The user service's own settings, beside [`service::Settings`].
#[derive(Clone, Debug, Deserialize)]
pub struct UserSettings {
    /// PEM file with one or more Ed25519 private keys (PKCS#8): the first signs tokens, all are published.
    pub signing_key_file: PathBuf,
    /// The secret that each service's own secret is derived from.
    pub service_master: SecretString,
    /// E-mail address of the landlord, who is made when the service starts and there is none by this address.
    pub landlord_email: String,
    /// The landlord's first password.
    pub landlord_password: SecretString,
}

impl UserSettings {
    /// Reads them as [`service::Settings::load`] does.
    ///
    /// # Errors
    /// [`BadSetting`] for the first that is missing or wrong.
    pub fn load() -> Result<Self, BadSetting> {
        service::settings::load()
    }
}
