//! The products of the tenant whose database `db` is.
//!
//! Products are read through a cache. Functions that write them take the transaction itself and mark the cached reads
//! as stale, so that its commit drops them.

use cache::Name;
use database::containing;
use money::Money;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, EntityTrait, Order as Direction, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
    sea_query::extension::postgres::PgExpr,
    sea_query::{Expr, ExprTrait, PgFunc},
};
use service::{Page, StoreError, Tx};
use time::OffsetDateTime;

use super::entities::product::{ActiveModel, COLUMN, Column, Entity, Model};
use crate::domain::{Product, ProductId};

/// The cached resource that every change of a tenant's products makes stale.
pub const PRODUCTS: Name = Name::new("products");

/// In which order products are listed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sort {
    /// By which column.
    pub by: SortKey,
    /// From the largest to the smallest.
    pub descending: bool,
}

/// What products can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SortKey {
    /// The name.
    Name,
    /// The price.
    Price,
    /// The time of creation.
    Created,
}

impl TryFrom<Model> for Product {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            name: row.name,
            description: row.description,
            price: Money::parse(row.price, &row.currency)
                .map_err(|error| StoreError::corrupt("currency", error))?,
            stock: row.stock,
            reserved: row.reserved,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Products that were not deleted.
fn for_sale() -> Select<Entity> {
    Entity::find().filter(COLUMN.deleted_at.is_null())
}

/// The product, unless it was deleted.
pub async fn find(db: &impl ConnectionTrait, id: ProductId) -> Result<Option<Product>, StoreError> {
    let row = for_sale().filter(Column::Id.eq(id)).one(db).await?;
    row.map(TryInto::try_into).transpose()
}

/// Locks products that can be sold, in the order of their ids so that two buyers cannot deadlock. Missing and deleted
/// ones are left out.
pub async fn lock(
    db: &impl ConnectionTrait,
    ids: &[ProductId],
) -> Result<Vec<Product>, StoreError> {
    lock_in_order(db, for_sale(), ids).await
}

/// As [`lock`], with deleted ones: an order's pieces are settled even when their product is no longer sold.
pub async fn lock_with_deleted(
    db: &impl ConnectionTrait,
    ids: &[ProductId],
) -> Result<Vec<Product>, StoreError> {
    lock_in_order(db, Entity::find(), ids).await
}

async fn lock_in_order(
    db: &impl ConnectionTrait,
    products: Select<Entity>,
    ids: &[ProductId],
) -> Result<Vec<Product>, StoreError> {
    // One array, so that the statement's text is the same for any number of ids.
    let ids: Vec<_> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows = products
        .filter(Expr::col((Entity, Column::Id)).eq(PgFunc::any(ids)))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(db)
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// One page of the products whose names contain `search`, and how many there are in all.
pub async fn list(
    db: &impl ConnectionTrait,
    search: &str,
    sort: &Sort,
    page: Page,
) -> Result<(Vec<Product>, u64), StoreError> {
    let mut found = for_sale();
    if !search.is_empty() {
        found = found.filter(Expr::col((Entity, Column::Name)).ilike(containing(search)));
    }
    let total = found.clone().count(db).await?;
    let by = match sort.by {
        SortKey::Name => Column::Name,
        SortKey::Price => Column::Price,
        SortKey::Created => Column::CreatedAt,
    };
    let direction = if sort.descending {
        Direction::Desc
    } else {
        Direction::Asc
    };
    let rows = found
        .order_by(by, direction.clone())
        .order_by(Column::Id, direction)
        .limit(page.limit())
        .offset(page.offset())
        .all(db)
        .await?;
    let products: Result<_, StoreError> = rows.into_iter().map(TryInto::try_into).collect();
    Ok((products?, total))
}

/// Stores a new product.
pub async fn insert(tx: &mut Tx, product: &Product) -> Result<(), StoreError> {
    tx.invalidate(PRODUCTS);
    let row = ActiveModel {
        id: Set(product.id),
        created_at: Set(product.created_at),
        ..changeable(product)
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Stores a product that is locked.
pub async fn update(tx: &mut Tx, product: &Product) -> Result<(), StoreError> {
    tx.invalidate(PRODUCTS);
    let row = ActiveModel {
        id: Unchanged(product.id),
        ..changeable(product)
    };
    Entity::update(row)
        .validate()?
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

fn changeable(product: &Product) -> ActiveModel {
    ActiveModel {
        name: Set(product.name.clone()),
        description: Set(product.description.clone()),
        price: Set(product.price.amount),
        currency: Set(product.price.currency.to_string()),
        stock: Set(product.stock),
        reserved: Set(product.reserved),
        version: Set(product.version),
        updated_at: Set(product.updated_at),
        ..ActiveModel::default()
    }
}

/// Takes a locked product out of the catalogue; its row stays for the orders that hold pieces of it.
pub async fn delete(
    tx: &mut Tx,
    id: ProductId,
    version: i64,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    tx.invalidate(PRODUCTS);
    let row = ActiveModel {
        id: Unchanged(id),
        deleted_at: Set(Some(now)),
        updated_at: Set(now),
        version: Set(version),
        ..ActiveModel::default()
    };
    Entity::update(row)
        .validate()?
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
