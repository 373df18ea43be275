//! Cached reads of products.

use std::time::Duration;

use cache::{CacheKey, Name};
use service::{Page, TenantScope};

use super::OrderError;
use crate::{
    App,
    domain::{Product, ProductId},
    store::products::{self, PRODUCTS, Sort},
};

const ONE: Name = Name::new("one");
const LIST: Name = Name::new("list");

/// Time to live of cached answers.
const KEPT: Duration = Duration::from_mins(1);

/// Which products to list.
#[derive(Clone, Debug)]
pub struct Search {
    /// Text that names contain; empty for all products.
    pub text: String,
    /// Sort order.
    pub sort: Sort,
    /// The page.
    pub page: Page,
}

/// One product.
///
/// # Errors
/// [`OrderError::NoProduct`].
pub async fn find_product(
    app: &App,
    tenant: &TenantScope,
    id: ProductId,
) -> Result<Product, OrderError> {
    let key = CacheKey::new(tenant.tenant().id.0, PRODUCTS, ONE).arg(id);
    app.runtime
        .cache()
        .get_or_load(&key, KEPT, async || {
            let conn = tenant.read().await?;
            products::find(&conn, id)
                .await?
                .ok_or(OrderError::NoProduct(id))
        })
        .await
}

/// One page of products and the total number.
///
/// # Errors
/// [`OrderError::Store`].
pub async fn list_products(
    app: &App,
    tenant: &TenantScope,
    search: &Search,
) -> Result<(Vec<Product>, u64), OrderError> {
    let Search { text, sort, page } = search;
    let key = CacheKey::new(tenant.tenant().id.0, PRODUCTS, LIST)
        .arg(format_args!("{sort:?}"))
        .arg(page.page)
        .arg(page.per_page)
        .arg(text);
    app.runtime
        .cache()
        .get_or_load(&key, KEPT, async || {
            let conn = tenant.read().await?;
            Ok(products::list(&conn, text, sort, *page).await?)
        })
        .await
}
