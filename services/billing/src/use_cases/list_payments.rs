//! What a seller was paid.

use service::{Page, TenantScope};

use super::BillingError;
use crate::{domain::Payment, store::payments};

/// One page of the tenant's payments, newest first, and how many there are in all.
///
/// # Errors
/// [`BillingError::Store`].
pub async fn list_payments(
    tenant: &TenantScope,
    page: Page,
) -> Result<(Vec<Payment>, i64), BillingError> {
    let mut conn = tenant.read().await?;
    Ok(payments::list(&mut conn, page).await?)
}
