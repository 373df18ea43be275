//! Orders that were not paid in time.

use std::sync::Arc;

use events::order::OrderExpired;
use futures::{StreamExt, stream};
use service::Context;
use tenancy::Tenant;
use time::Duration;

use super::{OrderError, stock};
use crate::{
    App,
    convert::event_money,
    domain::{Change, OrderId, Status},
    store::{
        deadlines::{self, Due},
        orders,
    },
};

/// Deadlines seen to in one go, and how many of them side by side.
const AT_ONCE: i64 = 100;
const SIDE_BY_SIDE: usize = 4;
/// Longer than PostgreSQL lets a transaction of ours last.
const LONGEST_TRANSACTION: Duration = Duration::minutes(2);

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
    let deadline = match tenant {
        Some(tenant) => expire(app, tenant, due.order_id).await?,
        None => Deadline::Over,
    };
    match deadline {
        Deadline::Over => Ok(deadlines::drop(app.runtime.platform_pool(), due.order_id).await?),
        Deadline::ComesBack => Ok(()),
    }
}

/// What is left to do about a deadline that was looked at.
enum Deadline {
    /// Nothing: the order has ended, was paid, or was never committed.
    Over,
    /// It is to be looked at again.
    ComesBack,
}

async fn expire(app: &App, tenant: Arc<Tenant>, id: OrderId) -> Result<Deadline, OrderError> {
    let scope = app.runtime.tenant(tenant, Context::own_accord());
    let mut tx = scope.begin().await?;
    let now = tx.now();
    let Some(mut order) = orders::lock(tx.conn(), id).await? else {
        // The deadline is written first, so the order may still be on its way.
        let on_its_way = now - id.drawn_at() < LONGEST_TRANSACTION;
        return Ok(if on_its_way {
            Deadline::ComesBack
        } else {
            Deadline::Over
        });
    };
    if order.expire(now) == Change::None {
        // Still open means: not due by this machine's clock, only by the database's.
        let open = order.status.can_become(Status::Expired);
        return Ok(if open {
            Deadline::ComesBack
        } else {
            Deadline::Over
        });
    }
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
    Ok(Deadline::Over)
}
