//! What tenants can subscribe to; in the platform database.

use service::{Page, StoreError};
use sqlx::{FromRow, PgConnection, types::Json};

use super::money;
use crate::domain::{Limits, Module, Package};

const LIST: &str = "SELECT code, name, price, currency, limits, modules
     FROM package ORDER BY price, code LIMIT $1 OFFSET $2";
const COUNT: &str = "SELECT count(*) FROM package";
const EXISTS: &str = "SELECT EXISTS (SELECT FROM package WHERE code = $1)";

#[derive(FromRow)]
struct Row {
    code: String,
    name: String,
    price: i64,
    currency: String,
    limits: Json<Limits>,
    modules: Json<Vec<Module>>,
}

impl TryFrom<Row> for Package {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            code: super::package(&row.code)?,
            name: row.name,
            price: money(row.price, &row.currency)?,
            limits: row.limits.0,
            modules: row.modules.0,
        })
    }
}

/// One page of the packages, cheapest first, and how many there are in all.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn list(conn: &mut PgConnection, page: Page) -> Result<(Vec<Package>, i64), StoreError> {
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(page.limit())
        .bind(page.offset())
        .fetch_all(&mut *conn)
        .await?;
    let total = sqlx::query_scalar(COUNT).fetch_one(conn).await?;
    let packages: Result<Vec<Package>, StoreError> =
        rows.into_iter().map(TryInto::try_into).collect();
    Ok((packages?, total))
}

/// Whether there is such a package.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn exists(conn: &mut PgConnection, code: &tenancy::Package) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(EXISTS)
        .bind(code.as_str())
        .fetch_one(conn)
        .await?)
}
