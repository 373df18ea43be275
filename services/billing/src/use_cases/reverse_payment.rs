//! An order expired or was cancelled.

use service::{StoreError, Tx};

use super::BillingError;
use crate::{
    App,
    convert::refunded,
    domain::{Due, End, Payment, Seller},
    store::payments,
};

/// Ends the payment of an order that ended: an open one is cancelled, a settled one goes back to the buyer.
///
/// An order's events come in order, so its payment is there; when asking for it failed, the order is remembered as
/// ended, so that a later replay of its creation asks for nothing.
///
/// # Errors
/// [`BillingError::Gateway`], [`BillingError::Store`].
pub async fn end_payment(
    app: &App,
    tx: &mut Tx,
    seller: &Seller,
    due: Due,
) -> Result<(), BillingError> {
    let now = tx.now();
    let Some(mut payment) = payments::lock_of_order(tx.conn(), due.order_id).await? else {
        tracing::warn!(order_id = %due.order_id, "the order ended before a payment was asked for");
        let never = Payment::never_due(due, app.gateway.name(), now);
        return if payments::insert(tx.conn(), &never).await? {
            Ok(())
        } else {
            Err(StoreError::Conflict.into())
        };
    };
    match payment.end(now) {
        End::Before => {}
        End::Cancelled => payments::update(tx.conn(), &payment).await?,
        End::Refunded => {
            payments::update(tx.conn(), &payment).await?;
            app.gateway.refund(&payment).await?;
            let event = refunded(seller, &payment);
            tx.publish(payment.id, payment.version.cast_unsigned(), &event)
                .await?;
        }
    }
    Ok(())
}
