//! An order is paid: by its link, or because the seller has recorded the payment with it.

use service::Tx;

use super::{BillingError, settle_payment::settle};
use crate::{
    domain::{OrderId, PaymentId, Seller},
    store::payments,
};

/// Settles the payment of a paid order, unless that is how the order came to be paid.
///
/// # Errors
/// [`BillingError::NeverAsked`], [`BillingError::OtherPayment`], or [`BillingError::Refused`] when the order ended
/// before: its events contradict each other.
pub async fn record_payment(
    tx: &mut Tx,
    seller: &Seller,
    order: OrderId,
    named: PaymentId,
) -> Result<(), BillingError> {
    let mut payment = payments::lock_of_order(tx.conn(), order)
        .await?
        .ok_or(BillingError::NeverAsked(order))?;
    if payment.id != named {
        return Err(BillingError::OtherPayment {
            order,
            named,
            own: payment.id,
        });
    }
    settle(tx, seller, &mut payment).await
}
