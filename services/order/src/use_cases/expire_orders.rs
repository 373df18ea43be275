//! Orders that were not paid in time.

use events::order::OrderExpired;
use futures::{StreamExt, stream};
use service::Context;

use super::{OrderError, stock};
use crate::{
    App,
    convert::event_money,
    domain::Change,
    store::{
        deadlines::{self, Due},
        orders,
    },
};

/// Deadlines seen to in one go, and how many of them side by side.
const AT_ONCE: i64 = 100;
const SIDE_BY_SIDE: usize = 4;

/// Sees to the deadlines that have come; says how many there were. One whose tenant cannot be reached comes back.
///
/// # Errors
/// The platform database is out of reach.
pub async fn expire_orders(app: &App) -> Result<usize, OrderError> {
    let due = deadlines::claim(app.runtime.platform_pool(), AT_ONCE).await?;
    let found = due.len();
    stream::iter(due)
        .for_each_concurrent(SIDE_BY_SIDE, |due| async move {
            if let Err(error) = see_to(app, due).await {
                tracing::warn!(order_id = %due.order_id, tenant = %due.tenant_id, %error, "deadline comes back later");
            }
        })
        .await;
    Ok(found)
}

async fn see_to(app: &App, due: Due) -> Result<(), OrderError> {
    let tenant = app
        .runtime
        .directory()
        .by_id(due.tenant_id)
        .await
        .map_err(|error| service::StoreError::Unavailable(error.into()))?;
    if let Some(tenant) = tenant {
        let scope = app.runtime.tenant(tenant, Context::own_accord());
        let mut tx = scope.begin().await?;
        if let Some(mut order) = orders::lock(tx.conn(), due.order_id).await?
            && order.expire(tx.now()) == Change::Made
        {
            stock::give_back(&mut tx, &order, "order_expired").await?;
            orders::update(tx.conn(), &order).await?;
            let event = OrderExpired {
                order_id: order.id.0,
                tenant_code: scope.tenant().code.to_string(),
                buyer_id: order.buyer.id.as_uuid(),
                buyer_email: order.buyer.email.clone(),
                total: event_money(order.total),
            };
            tx.publish(order.id, order.version.cast_unsigned(), &event)
                .await?;
            tx.commit().await?;
            app.forget_products(&scope).await;
        }
    }
    // The order expired, was paid, or was never committed.
    Ok(deadlines::drop(app.runtime.platform_pool(), due.order_id).await?)
}
