//! The products of the tenant whose database the connection is in.

use service::{Page, StoreError};
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;

use super::money;
use crate::domain::{Product, ProductId};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, description, price, currency, stock, reserved, version, created_at, updated_at
             FROM product WHERE deleted_at IS NULL ",
            $rest
        )
    };
}

const FIND: &str = select!("AND id = $1");
const LOCK: &str = select!("AND id = ANY($1) ORDER BY id FOR UPDATE");
const LOCK_EVEN_DELETED: &str =
    "SELECT id, name, description, price, currency, stock, reserved, version, created_at, updated_at
     FROM product WHERE id = ANY($1) ORDER BY id FOR UPDATE";
const BY_NAME: &str = select!("AND name ILIKE $1 ORDER BY name, id LIMIT $2 OFFSET $3");
const BY_NAME_DOWN: &str =
    select!("AND name ILIKE $1 ORDER BY name DESC, id DESC LIMIT $2 OFFSET $3");
const BY_PRICE: &str = select!("AND name ILIKE $1 ORDER BY price, id LIMIT $2 OFFSET $3");
const BY_PRICE_DOWN: &str =
    select!("AND name ILIKE $1 ORDER BY price DESC, id DESC LIMIT $2 OFFSET $3");
const BY_AGE: &str = select!("AND name ILIKE $1 ORDER BY created_at, id LIMIT $2 OFFSET $3");
const BY_AGE_DOWN: &str =
    select!("AND name ILIKE $1 ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3");
const COUNT: &str = "SELECT count(*) FROM product WHERE deleted_at IS NULL AND name ILIKE $1";
const INSERT: &str = "INSERT INTO product
     (id, name, description, price, currency, stock, reserved, version, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const UPDATE: &str =
    "UPDATE product SET name = $2, description = $3, price = $4, currency = $5, stock = $6,
     reserved = $7, version = $8, updated_at = $9 WHERE id = $1";
const DELETE: &str =
    "UPDATE product SET deleted_at = $2, updated_at = $2, version = $3 WHERE id = $1";

/// In which order products are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sort {
    /// By name, or from its end.
    Name {
        /// From the end.
        down: bool,
    },
    /// By price, or dearest first.
    Price {
        /// Dearest first.
        down: bool,
    },
    /// By age, or newest first.
    Created {
        /// Newest first.
        down: bool,
    },
}

#[derive(FromRow)]
struct Row {
    id: ProductId,
    name: String,
    description: Option<String>,
    price: i64,
    currency: String,
    stock: i64,
    reserved: i64,
    version: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<Row> for Product {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            name: row.name,
            description: row.description,
            price: money(row.price, &row.currency)?,
            stock: row.stock,
            reserved: row.reserved,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// The product, unless it was deleted.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn find(conn: &mut PgConnection, id: ProductId) -> Result<Option<Product>, StoreError> {
    let row: Option<Row> = sqlx::query_as(FIND).bind(id).fetch_optional(conn).await?;
    row.map(TryInto::try_into).transpose()
}

/// Locks products that can be sold, in the order of their ids so that two buyers cannot deadlock. Missing or deleted
/// ones are not among the answer.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn lock(conn: &mut PgConnection, ids: &[ProductId]) -> Result<Vec<Product>, StoreError> {
    locked(conn, LOCK, ids).await
}

/// As [`lock`], with deleted ones: an order's pieces are settled even when their product is no longer sold.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn lock_even_deleted(
    conn: &mut PgConnection,
    ids: &[ProductId],
) -> Result<Vec<Product>, StoreError> {
    locked(conn, LOCK_EVEN_DELETED, ids).await
}

async fn locked(
    conn: &mut PgConnection,
    sql: &'static str,
    ids: &[ProductId],
) -> Result<Vec<Product>, StoreError> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let rows: Vec<Row> = sqlx::query_as(sql).bind(ids).fetch_all(conn).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// One page of the products whose names hold `search`, and how many there are in all.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn list(
    conn: &mut PgConnection,
    search: &str,
    sort: Sort,
    page: Page,
) -> Result<(Vec<Product>, i64), StoreError> {
    let sql = match sort {
        Sort::Name { down: false } => BY_NAME,
        Sort::Name { down: true } => BY_NAME_DOWN,
        Sort::Price { down: false } => BY_PRICE,
        Sort::Price { down: true } => BY_PRICE_DOWN,
        Sort::Created { down: false } => BY_AGE,
        Sort::Created { down: true } => BY_AGE_DOWN,
    };
    let pattern = containing(search);
    let rows: Vec<Row> = sqlx::query_as(sql)
        .bind(&pattern)
        .bind(page.limit())
        .bind(page.offset())
        .fetch_all(&mut *conn)
        .await?;
    let total = sqlx::query_scalar(COUNT)
        .bind(&pattern)
        .fetch_one(conn)
        .await?;
    let products: Result<Vec<Product>, StoreError> =
        rows.into_iter().map(TryInto::try_into).collect();
    Ok((products?, total))
}

/// A pattern for names that hold `text`, in which `%` and `_` mean themselves.
fn containing(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    format!("%{escaped}%")
}

/// Writes a new product.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn insert(conn: &mut PgConnection, product: &Product) -> Result<(), StoreError> {
    sqlx::query(INSERT)
        .bind(product.id)
        .bind(&product.name)
        .bind(&product.description)
        .bind(product.price.amount)
        .bind(product.price.currency.as_str())
        .bind(product.stock)
        .bind(product.reserved)
        .bind(product.version)
        .bind(product.created_at)
        .bind(product.updated_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes a product that is locked.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn update(conn: &mut PgConnection, product: &Product) -> Result<(), StoreError> {
    sqlx::query(UPDATE)
        .bind(product.id)
        .bind(&product.name)
        .bind(&product.description)
        .bind(product.price.amount)
        .bind(product.price.currency.as_str())
        .bind(product.stock)
        .bind(product.reserved)
        .bind(product.version)
        .bind(product.updated_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// Takes a locked product out of the catalogue; its row stays for the orders that hold pieces of it.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn delete(
    conn: &mut PgConnection,
    id: ProductId,
    version: i64,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query(DELETE)
        .bind(id)
        .bind(now)
        .bind(version)
        .execute(conn)
        .await?;
    Ok(())
}
