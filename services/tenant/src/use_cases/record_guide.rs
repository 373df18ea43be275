//! Delivery of the setup guide.

use service::Tx;
use tenancy::TenantId;

use super::{TenantError, apply_changes::apply_changes};
use crate::store::tenants;

/// The outcome of sending the setup guide.
pub enum GuideOutcome {
    /// It was sent.
    Sent,
    /// It could not be sent.
    Failed {
        /// The reason.
        reason: String,
    },
}

/// Records the outcome of sending the guide, and continues the onboarding if it was sent.
///
/// # Errors
/// [`TenantError::NotFound`].
pub async fn record_guide(
    tx: &mut Tx,
    tenant: TenantId,
    outcome: GuideOutcome,
) -> Result<(), TenantError> {
    let mut tenant = tenants::lock(tx, tenant)
        .await?
        .ok_or(TenantError::NotFound)?;
    match outcome {
        GuideOutcome::Sent => tenant.record_guide_sent(tx.now()),
        GuideOutcome::Failed { reason } => tenant.record_guide_failure(reason, tx.now()),
    }
    Ok(apply_changes(tx, &mut tenant, None).await?)
}
