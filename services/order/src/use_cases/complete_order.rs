//! Completes a paid order.

use auth::Caller;
use events::order::OrderCompleted;
use serde::Serialize;
use service::{Begun, Idempotency, TenantScope};

use super::{OrderError, read_order::visible};
use crate::{
    convert::event_money,
    domain::{Change, Order, OrderId},
    store::orders,
};

#[derive(Serialize)]
struct RequestedItems<'a> {
    id: OrderId,
    transaction_id: &'a str,
}

/// Completes a paid order with a transaction id, for its seller or its buyer. Idempotent for the same id.
///
/// # Errors
/// [`OrderError::Refused`] when the order is not paid, or was completed with another transaction id.
pub async fn complete_order(
    tenant: &TenantScope,
    call: &Idempotency,
    caller: &Caller,
    id: OrderId,
    transaction_id: &str,
) -> Result<Order, OrderError> {
    let mut tx = match tenant
        .begin_once(call, &RequestedItems { id, transaction_id })
        .await?
    {
        Begun::First(tx) => tx,
        Begun::Replayed(order) => return Ok(order),
    };
    let mut order = orders::lock(&tx, id).await?.ok_or(OrderError::NoOrder)?;
    visible(&order, caller)?;
    let now = tx.now();
    if order.complete(transaction_id, now)? == Change::Made {
        orders::update(&tx, &order).await?;
        let event = OrderCompleted {
            order_id: order.id.0,
            tenant_code: tenant.tenant().code.to_string(),
            buyer_id: order.buyer.id.as_uuid(),
            buyer_email: order.buyer.email.clone(),
            transaction_id: transaction_id.to_owned(),
            total: event_money(order.total),
        };
        tx.publish(order.id, order.version.cast_unsigned(), &event)
            .await?;
    }
    tx.commit_once(&order).await?;
    Ok(order)
}
