//! Lists the payments of a tenant's orders.

use service::{Page, TenantScope};

use super::BillingError;
use crate::{domain::Payment, store::payments};

/// One page of the tenant's payments, newest first, and the number of all payments.
///
/// # Errors
/// [`BillingError::Store`].
pub async fn list_payments(
    tenant: &TenantScope,
    page: Page,
) -> Result<(Vec<Payment>, u64), BillingError> {
    let db = tenant.read().await?;
    Ok(payments::list(&db, page).await?)
}
