//! Records that an order was paid.

use service::Tx;

use super::{BillingError, settle_payment::settle};
use crate::{
    domain::{OrderId, PaymentId, Seller},
    store::payments,
};

/// Settles the payment of an order that was paid. Changes nothing if the payment itself was the cause.
///
/// # Errors
/// [`BillingError::PaymentNotRequested`], [`BillingError::PaymentMismatch`], or [`BillingError::PaymentCancelled`]
/// when the order had ended before: its events contradict each other.
pub async fn record_payment(
    tx: &mut Tx,
    seller: &Seller,
    order: OrderId,
    reported: PaymentId,
) -> Result<(), BillingError> {
    let mut payment = payments::lock_by_order(tx, order)
        .await?
        .ok_or(BillingError::PaymentNotRequested(order))?;
    if payment.id != reported {
        return Err(BillingError::PaymentMismatch {
            order,
            reported,
            own: payment.id,
        });
    }
    settle(tx, seller, &mut payment).await
}
