//! Expiry of orders that were not paid in time.

use std::sync::Arc;

use events::order::OrderExpired;
use service::{Context, LeasedJob, StoreError};
use tenancy::Tenant;
use time::Duration;

use super::{OrderError, stock};
use crate::{
    App,
    convert::event_money,
    domain::{Change, OrderId, Status},
    store::{
        deadlines::{self, DueOrder},
        orders,
    },
};

/// Longer than the limit of a transaction of this service.
const LONGEST_TRANSACTION: Duration = Duration::minutes(2);

/// Expires orders whose payment deadline has passed.
#[derive(Clone)]
pub struct OrderDeadlines(pub App);

impl LeasedJob for OrderDeadlines {
    const NAME: &'static str = "order_deadlines";
    type Item = DueOrder;

    async fn lease(&self, limit: u32) -> Result<Vec<DueOrder>, StoreError> {
        deadlines::lease(&self.0.runtime.platform_db(), limit).await
    }

    /// An order whose tenant is unavailable stays leased and becomes due again.
    async fn run(&self, due: DueOrder) -> Result<(), StoreError> {
        let runtime = &self.0.runtime;
        let tenant = runtime
            .directory()
            .by_id(due.tenant_id)
            .await
            .map_err(|error| StoreError::Unavailable(error.into()))?;
        let deadline = match tenant {
            Some(tenant) => expire(&self.0, tenant, due.order_id)
                .await
                .map_err(StoreError::from)?,
            None => Deadline::Over,
        };
        match deadline {
            Deadline::Over => deadlines::delete(&runtime.platform_db(), due.order_id).await,
            Deadline::StillOpen => Ok(()),
        }
    }
}

/// What is left to do about a deadline.
enum Deadline {
    /// Nothing: the order has ended, was paid, or was never committed.
    Over,
    /// It has to be looked at again.
    StillOpen,
}

async fn expire(app: &App, tenant: Arc<Tenant>, id: OrderId) -> Result<Deadline, OrderError> {
    let scope = app.runtime.tenant(tenant, Context::background());
    let mut tx = scope.begin().await?;
    let now = tx.now();
    let Some(mut order) = orders::lock(&tx, id).await? else {
        // The deadline is stored first, so the order may not be committed yet.
        let not_committed_yet = now - id.generated_at() < LONGEST_TRANSACTION;
        return Ok(if not_committed_yet {
            Deadline::StillOpen
        } else {
            Deadline::Over
        });
    };
    if order.expire(now) == Change::None {
        // Still open: due by the database's clock, not yet by this machine's.
        let open = order.status.can_become(Status::Expired);
        return Ok(if open {
            Deadline::StillOpen
        } else {
            Deadline::Over
        });
    }
    stock::give_back(&mut tx, &order, "order_expired").await?;
    orders::update(&tx, &order).await?;
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
    Ok(Deadline::Over)
}
