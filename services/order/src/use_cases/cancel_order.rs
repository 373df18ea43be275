//! Cancels an unpaid order.

use auth::{Caller, Role};
use events::order::OrderCancelled;
use service::{Begun, Idempotency, TenantScope};

use super::{OrderError, read_order::visible, stock};
use crate::{
    convert::event_money,
    domain::{Change, Order, OrderId},
    store::orders,
};

/// Cancels an order before it is paid, for its buyer or its seller, and releases its stock. Idempotent.
///
/// # Errors
/// [`OrderError::Refused`] when the order is paid or has ended.
pub async fn cancel_order(
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
    if order.cancel(tx.now())? == Change::Made {
        stock::give_back(&mut tx, &order, "order_cancelled").await?;
        orders::update(&tx, &order).await?;
        let by = if caller.role == Role::Customer {
            "the buyer"
        } else {
            "the seller"
        };
        let event = OrderCancelled {
            order_id: order.id.0,
            tenant_code: tenant.tenant().code.to_string(),
            buyer_id: order.buyer.id.as_uuid(),
            buyer_email: order.buyer.email.clone(),
            total: event_money(order.total),
            reason: format!("cancelled by {by}"),
        };
        tx.publish(order.id, order.version.cast_unsigned(), &event)
            .await?;
    }
    tx.commit_once(&order).await?;
    Ok(order)
}
