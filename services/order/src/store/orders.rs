//! The orders of the tenant whose database the connection is in.

use auth::UserId;
use service::StoreError;
use sqlx::{FromRow, PgConnection, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::money;
use crate::domain::{Buyer, Item, Order, OrderId, Payment, PaymentId};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, buyer_id, buyer_email, status, items, total, currency, payment_id, payment_link,
                    payment_gateway, transaction_id, created_at, expires_at, updated_at, version
             FROM customer_order ",
            $rest
        )
    };
}

const FIND: &str = select!("WHERE id = $1");
const LOCK: &str = select!("WHERE id = $1 FOR UPDATE");
const OWN: &str = select!("WHERE buyer_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2");
const COUNT_OWN: &str = "SELECT count(*) FROM customer_order WHERE buyer_id = $1";
const INSERT: &str = "INSERT INTO customer_order
     (id, buyer_id, buyer_email, status, items, total, currency, created_at, expires_at, updated_at, version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const UPDATE: &str = "UPDATE customer_order SET status = $2, payment_id = $3, payment_link = $4,
     payment_gateway = $5, transaction_id = $6, updated_at = $7, version = $8 WHERE id = $1";

#[derive(FromRow)]
struct Row {
    id: OrderId,
    buyer_id: Uuid,
    buyer_email: String,
    status: String,
    items: Json<Vec<Item>>,
    total: i64,
    currency: String,
    payment_id: Option<PaymentId>,
    payment_link: Option<String>,
    payment_gateway: Option<String>,
    transaction_id: Option<String>,
    created_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    version: i64,
}

impl TryFrom<Row> for Order {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let payment = match (row.payment_id, row.payment_link, row.payment_gateway) {
            (Some(id), Some(link), Some(gateway)) => Some(Payment { id, link, gateway }),
            _ => None,
        };
        Ok(Self {
            id: row.id,
            buyer: Buyer {
                id: row.buyer_id.into(),
                email: row.buyer_email,
            },
            status: row
                .status
                .parse()
                .map_err(|error: crate::domain::NoStatus| {
                    StoreError::corrupt("order status", error)
                })?,
            items: row.items.0,
            total: money(row.total, &row.currency)?,
            payment,
            transaction_id: row.transaction_id,
            created_at: row.created_at,
            expires_at: row.expires_at,
            updated_at: row.updated_at,
            version: row.version,
        })
    }
}

/// The order, whoever's it is.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn find(conn: &mut PgConnection, id: OrderId) -> Result<Option<Order>, StoreError> {
    one(conn, FIND, id).await
}

/// The order, locked until the transaction ends.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn lock(conn: &mut PgConnection, id: OrderId) -> Result<Option<Order>, StoreError> {
    one(conn, LOCK, id).await
}

async fn one(
    conn: &mut PgConnection,
    sql: &'static str,
    id: OrderId,
) -> Result<Option<Order>, StoreError> {
    let row: Option<Row> = sqlx::query_as(sql).bind(id).fetch_optional(conn).await?;
    row.map(TryInto::try_into).transpose()
}

/// The buyer's newest `limit` orders here, and how many they have here in all.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn newest_of(
    conn: &mut PgConnection,
    buyer: UserId,
    limit: i64,
) -> Result<(Vec<Order>, i64), StoreError> {
    let rows: Vec<Row> = sqlx::query_as(OWN)
        .bind(buyer.as_uuid())
        .bind(limit)
        .fetch_all(&mut *conn)
        .await?;
    let total = sqlx::query_scalar(COUNT_OWN)
        .bind(buyer.as_uuid())
        .fetch_one(conn)
        .await?;
    let orders: Result<Vec<Order>, StoreError> = rows.into_iter().map(TryInto::try_into).collect();
    Ok((orders?, total))
}

/// Writes a new order.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn insert(conn: &mut PgConnection, order: &Order) -> Result<(), StoreError> {
    sqlx::query(INSERT)
        .bind(order.id)
        .bind(order.buyer.id.as_uuid())
        .bind(&order.buyer.email)
        .bind(order.status.as_str())
        .bind(Json(&order.items))
        .bind(order.total.amount)
        .bind(order.total.currency.as_str())
        .bind(order.created_at)
        .bind(order.expires_at)
        .bind(order.updated_at)
        .bind(order.version)
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes what can change of an order that is locked.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn update(conn: &mut PgConnection, order: &Order) -> Result<(), StoreError> {
    sqlx::query(UPDATE)
        .bind(order.id)
        .bind(order.status.as_str())
        .bind(order.payment.as_ref().map(|payment| payment.id))
        .bind(order.payment.as_ref().map(|payment| &payment.link))
        .bind(order.payment.as_ref().map(|payment| &payment.gateway))
        .bind(&order.transaction_id)
        .bind(order.updated_at)
        .bind(order.version)
        .execute(conn)
        .await?;
    Ok(())
}
