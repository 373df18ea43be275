//! Deletes a product.

use events::order::ProductDeleted;
use service::{IfMatch, TenantScope};

use super::{OrderError, update_product::lock_at};
use crate::{domain::ProductId, store::products};

/// Removes a product from the catalogue if it is at the version the caller knows. Orders of it are not affected.
///
/// # Errors
/// [`OrderError::NoProduct`], [`OrderError::Stale`].
pub async fn delete_product(
    tenant: &TenantScope,
    id: ProductId,
    version: IfMatch,
) -> Result<(), OrderError> {
    let mut tx = tenant.begin().await?;
    let product = lock_at(&mut tx, id, version).await?;
    let now = tx.now();
    products::delete(&mut tx, id, product.version + 1, now).await?;
    let event = ProductDeleted { product_id: id.0 };
    tx.publish(id, (product.version + 1).cast_unsigned(), &event)
        .await?;
    tx.commit().await?;
    Ok(())
}
