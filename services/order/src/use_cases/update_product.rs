//! Updates a product.

use events::order::ProductUpdated;
use service::{IfMatch, TenantScope, Tx};

use super::OrderError;
use crate::{
    convert::event_money,
    domain::{Product, ProductId, ProductPatch},
    store::products,
};

/// Updates a product if it is at the version the caller knows.
///
/// # Errors
/// [`OrderError::NoProduct`], [`OrderError::Stale`].
pub async fn update_product(
    tenant: &TenantScope,
    id: ProductId,
    version: IfMatch,
    patch: ProductPatch,
) -> Result<Product, OrderError> {
    let mut tx = tenant.begin().await?;
    let mut product = lock_at(&mut tx, id, version).await?;
    product.change(patch, tx.now());
    products::update(&mut tx, &product).await?;
    let event = ProductUpdated {
        product_id: product.id.0,
        name: product.name.clone(),
        description: product.description.clone(),
        price: event_money(product.price),
        stock: product.stock,
        reserved: product.reserved,
    };
    tx.publish(product.id, product.version.cast_unsigned(), &event)
        .await?;
    tx.commit().await?;
    Ok(product)
}

/// Locks the product and checks the version the caller knows.
pub(super) async fn lock_at(
    tx: &mut Tx,
    id: ProductId,
    IfMatch(known): IfMatch,
) -> Result<Product, OrderError> {
    let product = products::lock(tx, &[id])
        .await?
        .pop()
        .ok_or(OrderError::NoProduct(id))?;
    match known {
        Some(known) if known != product.version => Err(OrderError::Stale(product.version)),
        _ => Ok(product),
    }
}
