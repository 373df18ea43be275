//! What the billing service is told besides what every service is told.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use service::settings::{BadSetting, load};

/// Shorter keys could be guessed.
const SHORTEST_KEY: usize = 32;

/// The billing service's own settings.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct BillingSettings {
    /// The key that payment links are signed with, at least 32 characters (`TENANTRY_PAYMENT_LINK_KEY`). Another key
    /// makes the links that were sent invalid. Unless set, one is derived from `TENANTRY_SERVICE_SECRET`.
    #[serde(default)]
    pub payment_link_key: Option<SecretString>,
}

impl BillingSettings {
    /// Reads them.
    ///
    /// # Errors
    /// The first that is wrong.
    pub fn load() -> Result<Self, BadSetting> {
        let settings: Self = load()?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), BadSetting> {
        match &self.payment_link_key {
            Some(key) if key.expose_secret().len() < SHORTEST_KEY => Err(BadSetting::new(
                "TENANTRY_PAYMENT_LINK_KEY",
                "should be at least 32 characters; `openssl rand -hex 32` makes one",
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_key_stops_the_start_and_none_is_shown() {
        let with = |key: &str| BillingSettings {
            payment_link_key: Some(key.into()),
        };
        assert!(with("too short").check().is_err());
        assert!(with(&"k".repeat(32)).check().is_ok());
        assert!(BillingSettings::default().check().is_ok());
        assert!(!format!("{:?}", with("canary")).contains("canary"));
    }
}
