//! Records a received payment.

use auth::{Caller, Role};
use events::order::OrderPaid;
use service::{Begun, Idempotency, TenantScope, Tx};

use super::{OrderError, read_order::visible, stock};
use crate::{
    convert::event_money,
    domain::{Change, Order, OrderId, PaymentId, Refused, Status},
    store::orders,
};

/// The embedded gateway, with which a buyer may settle their own payment.
const TEST_GATEWAY: &str = "test";

/// Records that the payment was received, on behalf of the tenant's admin, a service or, with the embedded test gateway
/// only, the buyer. Idempotent.
///
/// # Errors
/// [`OrderError::NotAllowed`] for a buyer with a real gateway; [`OrderError::Refused`] when the order does not wait for a payment.
pub async fn receive_payment(
    tenant: &TenantScope,
    call: &Idempotency,
    caller: &Caller,
    id: OrderId,
) -> Result<Order, OrderError> {
    let mut tx = match tenant.begin_once(call, &id).await? {
        Begun::First(tx) => tx,
        Begun::Replayed(order) => return Ok(order),
    };
    let mut order = orders::lock(&tx, id).await?.ok_or(OrderError::NoOrder)?;
    visible(&order, caller)?;
    let Some(payment) = order.payment.clone() else {
        return Err(Refused::Step {
            from: order.status,
            to: Status::Paid,
        }
        .into());
    };
    if caller.role == Role::Customer && payment.gateway != TEST_GATEWAY {
        return Err(OrderError::NotAllowed(
            "pay by the order's paymentLink; only the seller records payments",
        ));
    }
    pay(
        &mut tx,
        tenant.tenant().code.as_str(),
        &mut order,
        payment.id,
    )
    .await?;
    tx.commit_once(&order).await?;
    Ok(order)
}

/// Records a payment that billing reports as succeeded. An order that ended meanwhile stays ended; billing refunds it.
///
/// # Errors
/// There is no such order.
pub async fn mark_paid(
    tx: &mut Tx,
    tenant_code: &str,
    id: OrderId,
    payment: PaymentId,
) -> Result<(), OrderError> {
    let mut order = orders::lock(tx, id).await?.ok_or(OrderError::NoOrder)?;
    if matches!(order.status, Status::Expired | Status::Cancelled) {
        tracing::info!(order_id = %id, status = %order.status, "payment arrived after the order ended, billing refunds it");
        return Ok(());
    }
    pay(tx, tenant_code, &mut order, payment).await
}

async fn pay(
    tx: &mut Tx,
    tenant_code: &str,
    order: &mut Order,
    payment: PaymentId,
) -> Result<(), OrderError> {
    if order.pay(payment, tx.now())? == Change::None {
        return Ok(());
    }
    stock::sell(tx, order).await?;
    orders::update(tx, order).await?;
    let event = OrderPaid {
        order_id: order.id.0,
        tenant_code: tenant_code.to_owned(),
        buyer_id: order.buyer.id.as_uuid(),
        buyer_email: order.buyer.email.clone(),
        payment_id: payment.0,
        total: event_money(order.total),
    };
    tx.publish(order.id, order.version.cast_unsigned(), &event)
        .await?;
    Ok(())
}
