//! The settings of the billing service besides the common ones.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use service::settings::{InvalidSetting, load};

/// In characters; shorter keys can be guessed.
const MIN_KEY_LENGTH: usize = 32;

/// The settings that only the billing service has.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct BillingSettings {
    /// The key that payment links are signed with, at least 32 characters (`TENANTRY_PAYMENT_LINK_KEY`). Changing it
    /// invalidates links that were already sent. Derived from `TENANTRY_SERVICE_SECRET` by default.
    #[serde(default)]
    pub payment_link_key: Option<SecretString>,
}

impl BillingSettings {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// The first invalid setting.
    pub fn load() -> Result<Self, InvalidSetting> {
        let settings: Self = load()?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), InvalidSetting> {
        match &self.payment_link_key {
            Some(key) if key.expose_secret().len() < MIN_KEY_LENGTH => Err(InvalidSetting::new(
                "TENANTRY_PAYMENT_LINK_KEY",
                "should be at least 32 characters; generate one with `openssl rand -hex 32`",
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_key_is_rejected_and_no_key_is_printed() {
        let with = |key: &str| BillingSettings {
            payment_link_key: Some(key.into()),
        };
        assert!(with("too short").check().is_err());
        assert!(with(&"k".repeat(32)).check().is_ok());
        assert!(BillingSettings::default().check().is_ok());
        assert!(!format!("{:?}", with("canary")).contains("canary"));
    }
}
