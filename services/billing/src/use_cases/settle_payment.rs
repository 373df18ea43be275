//! Settles a payment.

use service::Tx;

use super::{BillingError, OpenedPayment, PaymentLink, open_payment_link::verify};
use crate::{
    App,
    convert::payment_succeeded,
    domain::{Change, Payment, Seller},
    store::payments,
};

/// Settles the payment behind a link. Idempotent.
///
/// # Errors
/// [`BillingError::PaymentNotFound`] when the link is not genuine; [`BillingError::PaymentCancelled`] when the order
/// ended first.
pub async fn settle_payment(app: &App, link: PaymentLink) -> Result<OpenedPayment, BillingError> {
    let tenant = verify(app, &link).await?;
    let mut tx = tenant.begin().await?;
    let mut payment = payments::lock(&tx, link.payment)
        .await?
        .ok_or(BillingError::PaymentNotFound)?;
    let seller = Seller {
        id: tenant.tenant().id,
        code: tenant.tenant().code.to_string(),
    };
    settle(&mut tx, &seller, &mut payment).await?;
    tx.commit().await?;
    Ok(OpenedPayment {
        tenant: tenant.tenant().clone(),
        payment,
    })
}

/// Settles a locked payment and publishes it, unless it was settled before.
pub(super) async fn settle(
    tx: &mut Tx,
    seller: &Seller,
    payment: &mut Payment,
) -> Result<(), BillingError> {
    if payment.settle(tx.now())? == Change::None {
        return Ok(());
    }
    payments::update(tx, payment).await?;
    let event = payment_succeeded(seller, payment);
    tx.publish(payment.id, payment.version.cast_unsigned(), &event)
        .await?;
    Ok(())
}
