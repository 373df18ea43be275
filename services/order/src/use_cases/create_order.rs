//! Places an order.

use std::time::Duration;

use events::order::{OrderCreated, OrderItem};
use serde::Serialize;
use service::{Begun, Idempotency, TenantScope};

use super::{OrderError, stock};
use crate::{
    App,
    convert::event_money,
    domain::{Buyer, Item, NotEnough, Order, OrderId, ProductId, RequestedItems},
    store::{buyers, deadlines, orders, products},
};

/// A buyer's order request.
#[derive(Clone, Debug, Serialize)]
pub struct PlaceOrder {
    /// The buyer.
    pub buyer: Buyer,
    /// The requested products.
    pub items: RequestedItems,
}

/// Reserves stock and places the order: reservation, order, events and stored answer are one transaction.
///
/// # Errors
/// [`OrderError::OutOfStock`] names the product and the available quantity; nothing was reserved.
pub async fn create_order(
    app: &App,
    tenant: &TenantScope,
    call: &Idempotency,
    place: PlaceOrder,
) -> Result<Order, OrderError> {
    let mut tx = match tenant.begin_once(call, &place).await? {
        Begun::First(tx) => tx,
        Begun::Replayed(order) => return Ok(order),
    };
    let PlaceOrder { buyer, items } = place;
    let id = OrderId::generate();
    let expires_at = tx.now() + Duration::from_secs(app.settings.order_payment_ttl_seconds);
    remember(app, tenant, id, &buyer, expires_at).await?;

    let mut products = products::lock(&tx, &items.product_ids()).await?;
    if let Some(missing) = first_missing(&items, &products) {
        return Err(OrderError::NoProduct(missing));
    }
    let order = Order::place(id, buyer, &items, &products, tx.now(), expires_at)?;
    for product in &mut products {
        let pieces = pieces_of(&order.items, product.id);
        product
            .reserve(pieces, tx.now())
            .map_err(|short: NotEnough| OrderError::OutOfStock(short))?;
        stock::moved(&mut tx, product, &order, "order_placed").await?;
    }
    orders::insert(&tx, &order).await?;
    tx.publish(
        order.id,
        order.version.cast_unsigned(),
        &created(tenant, &order),
    )
    .await?;
    tx.commit_once(&order).await?;
    Ok(order)
}

/// Stores deadline and buyer in the platform database before the order can exist in the tenant's.
async fn remember(
    app: &App,
    tenant: &TenantScope,
    order: OrderId,
    buyer: &Buyer,
    due: time::OffsetDateTime,
) -> Result<(), OrderError> {
    let tx = app
        .runtime
        .platform(tenant.context().clone())
        .begin()
        .await?;
    deadlines::insert(&tx, order, tenant.tenant().id, due).await?;
    buyers::record(&tx, buyer.id, tenant.tenant().id).await?;
    Ok(tx.commit().await?)
}

fn first_missing(items: &RequestedItems, products: &[crate::domain::Product]) -> Option<ProductId> {
    items
        .lines()
        .iter()
        .map(|line| line.product_id)
        .find(|id| products.iter().all(|product| product.id != *id))
}

fn pieces_of(items: &[Item], product: ProductId) -> i64 {
    items
        .iter()
        .filter(|item| item.product_id == product)
        .map(|item| item.quantity)
        .sum()
}

fn created(tenant: &TenantScope, order: &Order) -> OrderCreated {
    OrderCreated {
        order_id: order.id.0,
        tenant_code: tenant.tenant().code.to_string(),
        buyer_id: order.buyer.id.as_uuid(),
        buyer_email: order.buyer.email.clone(),
        items: order
            .items
            .iter()
            .map(|item| OrderItem {
                product_id: item.product_id.0,
                name: item.name.clone(),
                quantity: item.quantity,
                unit_price: event_money(item.unit_price),
                total: event_money(item.total),
            })
            .collect(),
        total: event_money(order.total),
        created_at: order.created_at.into(),
        expires_at: order.expires_at.into(),
    }
}
