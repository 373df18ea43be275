//! Someone opens a payment's link.

use std::sync::Arc;

use service::{Context, StoreError, TenantScope};
use tenancy::{Tenant, TenantCode, TenantStatus};

use super::BillingError;
use crate::{
    App,
    domain::{Payment, PaymentId},
    store::payments,
};

/// What a payment link holds, and why it is followed.
pub struct Link {
    /// The tenant it names.
    pub tenant_code: String,
    /// The payment it names.
    pub payment: PaymentId,
    /// What shows that we made it.
    pub token: String,
    /// The request that follows it.
    pub context: Context,
}

/// A payment that its link has led to.
pub struct Opened {
    /// Who is paid.
    pub tenant: Arc<Tenant>,
    /// The payment.
    pub payment: Payment,
}

/// The payment behind a link, for whoever holds it.
///
/// # Errors
/// [`BillingError::NoPayment`] when the link is not genuine; [`BillingError::Closed`].
pub async fn open_link(app: &App, link: Link) -> Result<Opened, BillingError> {
    let tenant = enter(app, &link).await?;
    let mut conn = tenant.read().await?;
    let payment = payments::find(&mut conn, link.payment)
        .await?
        .ok_or(BillingError::NoPayment)?;
    Ok(Opened {
        tenant: tenant.tenant().clone(),
        payment,
    })
}

/// The way into the database of a genuine link's tenant. Nothing of the tenant is touched for a forged one.
pub(super) async fn enter(app: &App, link: &Link) -> Result<TenantScope, BillingError> {
    let code: TenantCode = link
        .tenant_code
        .parse()
        .map_err(|_| BillingError::NoPayment)?;
    let found = app.runtime.directory().by_code(&code).await;
    let tenant = found
        .map_err(|error| StoreError::Unavailable(error.into()))?
        .filter(|tenant| app.links.opens(tenant.id, link.payment, &link.token))
        .ok_or(BillingError::NoPayment)?;
    match tenant.status {
        TenantStatus::Active => Ok(app.runtime.tenant(tenant, link.context.clone())),
        TenantStatus::Suspended => Err(BillingError::Closed),
        TenantStatus::Provisioning | TenantStatus::Failed | TenantStatus::Deleted => {
            Err(BillingError::NoPayment)
        }
    }
}
