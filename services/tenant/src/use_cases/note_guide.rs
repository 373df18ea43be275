//! What became of the setup guide.

use service::Tx;
use tenancy::TenantId;

use super::{TenantError, record::record};
use crate::store::tenants;

/// What became of it.
pub enum GuideNews {
    /// It was sent.
    Sent,
    /// It could not be sent.
    Failed {
        /// Why.
        reason: String,
    },
}

/// Notes what became of the guide, and goes on with the onboarding if it was sent.
///
/// # Errors
/// [`TenantError::NoTenant`].
pub async fn note_guide(tx: &mut Tx, tenant: TenantId, news: GuideNews) -> Result<(), TenantError> {
    let mut tenant = tenants::lock(tx.conn(), tenant)
        .await?
        .ok_or(TenantError::NoTenant)?;
    match news {
        GuideNews::Sent => tenant.note_guide_sent(tx.now()),
        GuideNews::Failed { reason } => tenant.note_guide_failed(reason, tx.now()),
    }
    Ok(record(tx, &mut tenant, None).await?)
}
