//! Resolves a payment link.

use std::sync::Arc;

use service::{Context, StoreError, TenantScope};
use tenancy::{Tenant, TenantCode, TenantStatus};

use super::BillingError;
use crate::{
    App,
    domain::{Payment, PaymentId},
    store::payments,
};

/// The parts of a payment link and the request that follows it.
pub struct PaymentLink {
    /// The code of the tenant.
    pub tenant_code: String,
    /// The payment.
    pub payment: PaymentId,
    /// The signature of tenant and payment.
    pub token: String,
    /// The context of the request.
    pub context: Context,
}

/// The payment behind a genuine link.
pub struct OpenedPayment {
    /// The tenant that sells.
    pub tenant: Arc<Tenant>,
    /// The payment.
    pub payment: Payment,
}

/// Returns the payment behind a link. The link itself is the permission.
///
/// # Errors
/// [`BillingError::PaymentNotFound`] when the link is not genuine; [`BillingError::SellerSuspended`].
pub async fn open_payment_link(
    app: &App,
    link: PaymentLink,
) -> Result<OpenedPayment, BillingError> {
    let tenant = verify(app, &link).await?;
    let db = tenant.read().await?;
    let payment = payments::find(&db, link.payment)
        .await?
        .ok_or(BillingError::PaymentNotFound)?;
    Ok(OpenedPayment {
        tenant: tenant.tenant().clone(),
        payment,
    })
}

/// Verifies the link and returns the scope of its tenant. A forged link never reaches a tenant's database.
pub(super) async fn verify(app: &App, link: &PaymentLink) -> Result<TenantScope, BillingError> {
    let code: TenantCode = link
        .tenant_code
        .parse()
        .map_err(|_| BillingError::PaymentNotFound)?;
    let found = app.runtime.directory().by_code(&code).await;
    let tenant = found
        .map_err(|error| StoreError::Unavailable(error.into()))?
        .filter(|tenant| app.links.verify(tenant.id, link.payment, &link.token))
        .ok_or(BillingError::PaymentNotFound)?;
    match tenant.status {
        TenantStatus::Active => Ok(app.runtime.tenant(tenant, link.context.clone())),
        TenantStatus::Suspended => Err(BillingError::SellerSuspended),
        TenantStatus::Provisioning | TenantStatus::Failed | TenantStatus::Deleted => {
            Err(BillingError::PaymentNotFound)
        }
    }
}
