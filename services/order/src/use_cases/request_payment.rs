//! Records the payment that billing requested for an order.

use events::order::OrderPaymentRequested;
use service::Tx;

use super::OrderError;
use crate::{
    convert::event_money,
    domain::{Change, OrderId, Payment},
    store::orders,
};

/// Makes the order wait for this payment. Idempotent; a late request changes nothing.
///
/// # Errors
/// There is no such order, or it has another payment.
pub async fn request_payment(
    tx: &mut Tx,
    tenant_code: &str,
    id: OrderId,
    payment: Payment,
) -> Result<(), OrderError> {
    let mut order = orders::lock(tx, id).await?.ok_or(OrderError::NoOrder)?;
    let now = tx.now();
    if order.await_payment(payment.clone(), now)? == Change::None {
        return Ok(());
    }
    orders::update(tx, &order).await?;
    let event = OrderPaymentRequested {
        order_id: order.id.0,
        tenant_code: tenant_code.to_owned(),
        buyer_id: order.buyer.id.as_uuid(),
        buyer_email: order.buyer.email.clone(),
        payment_id: payment.id.0,
        payment_link: payment.link,
        gateway: payment.gateway,
        total: event_money(order.total),
    };
    tx.publish(order.id, order.version.cast_unsigned(), &event)
        .await?;
    Ok(())
}
