//! An order was placed: its buyer is asked to pay.

use service::Tx;

use super::BillingError;
use crate::{
    App,
    convert::requested,
    domain::{Due, Payment, Seller},
    store::payments,
};

/// Asks for the payment of an order, once: an order that has a payment keeps it, whatever became of it.
///
/// # Errors
/// [`BillingError::Gateway`], [`BillingError::Store`].
pub async fn request_payment(
    app: &App,
    tx: &mut Tx,
    seller: &Seller,
    due: Due,
) -> Result<(), BillingError> {
    let payment = Payment::ask(due, app.gateway.name(), tx.now());
    if !payments::insert(tx.conn(), &payment).await? {
        tracing::info!(order_id = %due.order_id, "the order has a payment already");
        return Ok(());
    }
    let link = app.gateway.payment_link(seller, payment.id).await?;
    let event = requested(seller, &payment, link);
    tx.publish(payment.id, payment.version.cast_unsigned(), &event)
        .await?;
    Ok(())
}
