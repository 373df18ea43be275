//! A buyer's orders at all tenants.

use std::sync::Arc;

use auth::UserId;
use futures::{StreamExt, stream};
use service::{Context, Page, StoreError};
use tenancy::{Tenant, TenantCode, TenantId, TenantStatus};

use super::OrderError;
use crate::{
    App,
    domain::Order,
    store::{buyers, orders},
};

/// Tenants queried concurrently.
const CONCURRENCY: usize = 8;

/// A page of a buyer's orders, newest first.
pub struct OwnOrders {
    /// The orders on the page, each with its tenant.
    pub orders: Vec<(Arc<Tenant>, Order)>,
    /// The total number at all tenants that answered.
    pub total: u64,
    /// Tenants that are unavailable at the moment; their orders are missing from this page.
    pub unavailable: Vec<TenantCode>,
}

/// The buyer's own orders at every active tenant. Only tenants at which they have ordered are queried.
///
/// # Errors
/// The platform database is unavailable.
pub async fn list_own_orders(
    app: &App,
    buyer: UserId,
    page: Page,
) -> Result<OwnOrders, OrderError> {
    let tenants = buyers::tenants_of(&app.runtime.platform_db(), buyer).await?;

    let newest = page.offset() + page.limit();
    let answers: Vec<_> = stream::iter(tenants)
        .map(|tenant| newest_at(app, tenant, buyer, newest))
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;

    let mut own = OwnOrders {
        orders: Vec::new(),
        total: 0,
        unavailable: Vec::new(),
    };
    for answer in answers {
        match answer? {
            Some((tenant, Ok((orders, total)))) => {
                own.total += total;
                own.orders
                    .extend(orders.into_iter().map(|order| (Arc::clone(&tenant), order)));
            }
            Some((tenant, Err(_))) => own.unavailable.push(tenant.code.clone()),
            None => {}
        }
    }
    own.orders
        .sort_by_key(|(_, order)| std::cmp::Reverse((order.created_at, order.id)));
    let skipped = usize::try_from(page.offset())
        .unwrap_or(usize::MAX)
        .min(own.orders.len());
    own.orders.drain(..skipped);
    own.orders.truncate(page.per_page as usize);
    own.unavailable.sort();
    Ok(own)
}

type AtTenant = (Arc<Tenant>, Result<(Vec<Order>, u64), StoreError>);

/// The buyer's newest orders at one tenant; none if the tenant is not active.
async fn newest_at(
    app: &App,
    id: TenantId,
    buyer: UserId,
    newest: u64,
) -> Result<Option<AtTenant>, OrderError> {
    let tenant = app
        .runtime
        .directory()
        .by_id(id)
        .await
        .map_err(|error| StoreError::Unavailable(error.into()))?;
    let Some(tenant) = tenant.filter(|tenant| tenant.status == TenantStatus::Active) else {
        return Ok(None);
    };
    let scope = app
        .runtime
        .tenant(Arc::clone(&tenant), Context::background());
    let read = async {
        let conn = scope.read().await?;
        orders::newest_of(&conn, buyer, newest).await
    };
    Ok(Some((tenant, read.await)))
}
