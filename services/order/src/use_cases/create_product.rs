//! Adds a product to a tenant's catalogue.

use events::order::ProductCreated;
use service::{Begun, Idempotency, TenantScope};

use super::OrderError;
use crate::{
    convert::event_money,
    domain::{NewProduct, Product},
    store::products,
};

/// Adds a product to the catalogue.
///
/// # Errors
/// [`OrderError::Idempotency`], [`OrderError::Store`].
pub async fn create_product(
    tenant: &TenantScope,
    call: &Idempotency,
    items: NewProduct,
) -> Result<Product, OrderError> {
    let mut tx = match tenant.begin_once(call, &items).await? {
        Begun::First(tx) => tx,
        Begun::Replayed(product) => return Ok(product),
    };
    let product = Product::new(items, tx.now());
    products::insert(&mut tx, &product).await?;
    let event = ProductCreated {
        product_id: product.id.0,
        name: product.name.clone(),
        description: product.description.clone(),
        price: event_money(product.price),
        stock: product.stock,
        reserved: product.reserved,
    };
    tx.publish(product.id, product.version.cast_unsigned(), &event)
        .await?;
    tx.commit_once(&product).await?;
    Ok(product)
}
