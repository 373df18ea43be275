//! Stock movements of an order.

use events::order::ProductStockChanged;
use service::Tx;

use super::OrderError;
use crate::{
    domain::{Order, Product},
    store::products,
};

/// Stores a locked product whose stock an order changed, and publishes the change.
pub(super) async fn moved(
    tx: &mut Tx,
    product: &Product,
    order: &Order,
    reason: &str,
) -> Result<(), OrderError> {
    products::update(tx, product).await?;
    let event = ProductStockChanged {
        product_id: product.id.0,
        stock: product.stock,
        reserved: product.reserved,
        reason: reason.to_owned(),
        order_id: Some(order.id.0),
    };
    tx.publish(product.id, product.version.cast_unsigned(), &event)
        .await?;
    Ok(())
}

/// Turns the order's reserved stock into sold stock.
pub(super) async fn sell(tx: &mut Tx, order: &Order) -> Result<(), OrderError> {
    settle(tx, order, "order_paid", |product, pieces, now| {
        product.sell(order.id, pieces, now)
    })
    .await
}

/// Releases the order's reserved stock.
pub(super) async fn give_back(tx: &mut Tx, order: &Order, reason: &str) -> Result<(), OrderError> {
    settle(tx, order, reason, |product, pieces, now| {
        product.give_back(order.id, pieces, now)
    })
    .await
}

async fn settle(
    tx: &mut Tx,
    order: &Order,
    reason: &str,
    step: impl Fn(&mut Product, i64, time::OffsetDateTime) -> Result<(), crate::domain::PiecesError>,
) -> Result<(), OrderError> {
    let now = tx.now();
    for mut product in products::lock_with_deleted(tx, &order.product_ids()).await? {
        let pieces = order
            .items
            .iter()
            .filter(|item| item.product_id == product.id)
            .map(|item| item.quantity)
            .sum();
        step(&mut product, pieces, now)?;
        moved(tx, &product, order, reason).await?;
    }
    Ok(())
}
