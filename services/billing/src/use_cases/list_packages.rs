//! What can be subscribed to.

use service::{Page, PlatformScope};

use super::BillingError;
use crate::{domain::Package, store::packages};

/// One page of the packages, cheapest first, and how many there are in all.
///
/// # Errors
/// [`BillingError::Store`].
pub async fn list_packages(
    platform: &PlatformScope,
    page: Page,
) -> Result<(Vec<Package>, i64), BillingError> {
    let mut conn = platform.read().await?;
    Ok(packages::list(&mut conn, page).await?)
}
