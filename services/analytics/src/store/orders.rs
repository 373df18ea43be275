//! What is known of orders: in a tenant's database of its own, in the platform's of all.

use service::StoreError;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use super::money;
use crate::domain::{Group, OrderFacts, OrderId, Status};

const LOCK: &str =
    "SELECT order_id, buyer_id, total, currency, status, version, placed_at, paid_at, completed_at
     FROM order_fact WHERE order_id = $1 FOR UPDATE";
const INSERT: &str = "INSERT INTO order_fact
     (order_id, buyer_id, total, currency, status, version, placed_at, paid_at, completed_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const UPDATE: &str =
    "UPDATE order_fact SET buyer_id = $2, total = $3, currency = $4, status = $5, version = $6,
     placed_at = $7, paid_at = $8, completed_at = $9 WHERE order_id = $1";
// The sum of bigints is a numeric; one that no bigint can hold is refused by the cast.
const GROUPS: &str = "SELECT status, currency, count(*) AS orders, count(paid_at) AS paid,
     count(completed_at) AS completed, sum(total)::bigint AS sum
     FROM order_fact GROUP BY status, currency";
const COUNT_BUYERS: &str = "SELECT count(DISTINCT buyer_id) FROM order_fact";

#[derive(FromRow)]
struct Row {
    order_id: OrderId,
    buyer_id: Uuid,
    total: i64,
    currency: String,
    status: String,
    version: i64,
    placed_at: OffsetDateTime,
    paid_at: Option<OffsetDateTime>,
    completed_at: Option<OffsetDateTime>,
}

impl TryFrom<Row> for OrderFacts {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            order: row.order_id,
            buyer: row.buyer_id.into(),
            total: money(row.total, &row.currency)?,
            status: status(&row.status)?,
            version: row.version,
            placed_at: row.placed_at,
            paid_at: row.paid_at,
            completed_at: row.completed_at,
        })
    }
}

#[derive(FromRow)]
struct GroupRow {
    status: String,
    currency: String,
    orders: i64,
    paid: i64,
    completed: i64,
    sum: i64,
}

impl TryFrom<GroupRow> for Group {
    type Error = StoreError;

    fn try_from(row: GroupRow) -> Result<Self, StoreError> {
        Ok(Self {
            status: status(&row.status)?,
            sum: money(row.sum, &row.currency)?,
            orders: row.orders,
            paid: row.paid,
            completed: row.completed,
        })
    }
}

fn status(text: &str) -> Result<Status, StoreError> {
    text.parse()
        .map_err(|error: crate::domain::NoStatus| StoreError::corrupt("order status", error))
}

/// What is known of an order, locked until the transaction ends.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn lock(
    conn: &mut PgConnection,
    order: OrderId,
) -> Result<Option<OrderFacts>, StoreError> {
    let row: Option<Row> = sqlx::query_as(LOCK)
        .bind(order)
        .fetch_optional(conn)
        .await?;
    row.map(TryInto::try_into).transpose()
}

/// Writes the first that is known of an order.
///
/// # Errors
/// [`StoreError`] of the database; also when another transaction was first, and then trying again finds its row.
pub async fn insert(conn: &mut PgConnection, facts: &OrderFacts) -> Result<(), StoreError> {
    write(conn, INSERT, facts).await
}

/// Writes what is known of an order that is locked.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn update(conn: &mut PgConnection, facts: &OrderFacts) -> Result<(), StoreError> {
    write(conn, UPDATE, facts).await
}

async fn write(
    conn: &mut PgConnection,
    sql: &'static str,
    facts: &OrderFacts,
) -> Result<(), StoreError> {
    sqlx::query(sql)
        .bind(facts.order)
        .bind(facts.buyer.as_uuid())
        .bind(facts.total.amount)
        .bind(facts.total.currency.as_str())
        .bind(facts.status.as_str())
        .bind(facts.version)
        .bind(facts.placed_at)
        .bind(facts.paid_at)
        .bind(facts.completed_at)
        .execute(conn)
        .await?;
    Ok(())
}

/// All orders of the database, counted and summed by status and currency.
///
/// # Errors
/// [`StoreError`] of the database; also when a sum cannot be held.
pub async fn groups(conn: &mut PgConnection) -> Result<Vec<Group>, StoreError> {
    let rows: Vec<GroupRow> = sqlx::query_as(GROUPS).fetch_all(conn).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// How many distinct users ordered.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn count_buyers(conn: &mut PgConnection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(COUNT_BUYERS).fetch_one(conn).await?)
}
