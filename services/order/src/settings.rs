//! The order service's own settings.

use serde::Deserialize;
use service::settings::{InvalidSetting, load};

/// The order service's own settings.
#[derive(Clone, Debug, Deserialize)]
pub struct OrderSettings {
    /// How long an order waits for its payment before it expires, in seconds (`TENANTRY_ORDER_PAYMENT_TTL_SECONDS`).
    #[serde(default = "quarter_of_an_hour")]
    pub order_payment_ttl_seconds: u64,
}

fn quarter_of_an_hour() -> u64 {
    900
}

impl OrderSettings {
    /// Reads them.
    ///
    /// # Errors
    /// The first setting that is invalid.
    pub fn load() -> Result<Self, InvalidSetting> {
        let settings: Self = load()?;
        if !(1..=31 * 86_400).contains(&settings.order_payment_ttl_seconds) {
            return Err(InvalidSetting::new(
                "TENANTRY_ORDER_PAYMENT_TTL_SECONDS",
                "should be 1 second to 31 days",
            ));
        }
        Ok(settings)
    }
}
