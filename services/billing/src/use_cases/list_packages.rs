//! Lists the packages.

use service::{Page, PlatformScope};

use super::BillingError;
use crate::{domain::Package, store::packages};

/// One page of the packages in ascending order of price, and the number of all packages.
///
/// # Errors
/// [`BillingError::Store`].
pub async fn list_packages(
    platform: &PlatformScope,
    page: Page,
) -> Result<(Vec<Package>, u64), BillingError> {
    let db = platform.read().await?;
    Ok(packages::list(&db, page).await?)
}
