//! Requests the payment of a new order.

use service::Tx;

use super::BillingError;
use crate::{
    App,
    convert::payment_requested,
    domain::{AmountDue, Payment, Seller},
    store::payments,
};

/// Creates the payment of an order and publishes where to pay. Idempotent: an order keeps the payment it has.
///
/// # Errors
/// [`BillingError::Gateway`], [`BillingError::Store`].
pub async fn request_payment(
    app: &App,
    tx: &mut Tx,
    seller: &Seller,
    due: AmountDue,
) -> Result<(), BillingError> {
    let payment = Payment::new(due, app.gateway.name(), tx.now());
    if !payments::insert_if_new(tx, &payment).await? {
        tracing::info!(order_id = %due.order_id, "order already has a payment");
        return Ok(());
    }
    let link = app.gateway.payment_link(seller, payment.id).await?;
    let event = payment_requested(seller, &payment, link);
    tx.publish(payment.id, payment.version.cast_unsigned(), &event)
        .await?;
    Ok(())
}
