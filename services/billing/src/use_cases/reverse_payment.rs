//! Reverses the payment of an order that expired or was cancelled.

use service::{StoreError, Tx};

use super::BillingError;
use crate::{
    App,
    convert::payment_refunded,
    domain::{AmountDue, Payment, Reversal, Seller},
    store::payments,
};

/// Cancels the pending payment of an order that ended, or refunds the succeeded one.
///
/// Events of one order are handled in order, so the payment normally exists. If requesting it failed, a cancelled
/// payment is stored, so that a later replay of the order's creation requests nothing.
///
/// # Errors
/// [`BillingError::Gateway`], [`BillingError::Store`].
pub async fn reverse_payment(
    app: &App,
    tx: &mut Tx,
    seller: &Seller,
    due: AmountDue,
) -> Result<(), BillingError> {
    let now = tx.now();
    let Some(mut payment) = payments::lock_by_order(tx, due.order_id).await? else {
        tracing::warn!(order_id = %due.order_id, "order ended before its payment was requested");
        let cancelled = Payment::new_cancelled(due, app.gateway.name(), now);
        return if payments::insert_if_new(tx, &cancelled).await? {
            Ok(())
        } else {
            Err(StoreError::Conflict.into())
        };
    };
    match payment.reverse(now) {
        Reversal::AlreadyDone => {}
        Reversal::Cancelled => payments::update(tx, &payment).await?,
        Reversal::Refunded => {
            payments::update(tx, &payment).await?;
            app.gateway.refund(&payment).await?;
            let event = payment_refunded(seller, &payment);
            tx.publish(payment.id, payment.version.cast_unsigned(), &event)
                .await?;
        }
    }
    Ok(())
}
