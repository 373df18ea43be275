//! The payments of the tenant whose database the connection is in.

use service::{Page, StoreError};
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use super::money;
use crate::domain::{NoStatus, OrderId, Payment, PaymentId};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, order_id, buyer_id, amount, currency, status, gateway, created_at, updated_at, version
             FROM payment ",
            $rest
        )
    };
}

const FIND: &str = select!("WHERE id = $1");
const LOCK: &str = select!("WHERE id = $1 FOR UPDATE");
const LOCK_OF_ORDER: &str = select!("WHERE order_id = $1 FOR UPDATE");
const LIST: &str = select!("ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2");
const COUNT: &str = "SELECT count(*) FROM payment";
const INSERT: &str = "INSERT INTO payment
     (id, order_id, buyer_id, amount, currency, status, gateway, created_at, updated_at, version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (order_id) DO NOTHING";
const UPDATE: &str = "UPDATE payment SET status = $2, updated_at = $3, version = $4 WHERE id = $1";

#[derive(FromRow)]
struct Row {
    id: PaymentId,
    order_id: OrderId,
    buyer_id: Uuid,
    amount: i64,
    currency: String,
    status: String,
    gateway: String,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    version: i64,
}

impl TryFrom<Row> for Payment {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let unreadable = |error: NoStatus| StoreError::corrupt("payment status", error);
        Ok(Self {
            id: row.id,
            order_id: row.order_id,
            buyer_id: row.buyer_id.into(),
            amount: money(row.amount, &row.currency)?,
            status: row.status.parse().map_err(unreadable)?,
            gateway: row.gateway,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        })
    }
}

/// The payment.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn find(conn: &mut PgConnection, id: PaymentId) -> Result<Option<Payment>, StoreError> {
    one(conn, FIND, id.0).await
}

/// The payment, locked until the transaction ends.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn lock(conn: &mut PgConnection, id: PaymentId) -> Result<Option<Payment>, StoreError> {
    one(conn, LOCK, id.0).await
}

/// The payment of an order, locked until the transaction ends.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn lock_of_order(
    conn: &mut PgConnection,
    order: OrderId,
) -> Result<Option<Payment>, StoreError> {
    one(conn, LOCK_OF_ORDER, order.0).await
}

async fn one(
    conn: &mut PgConnection,
    sql: &'static str,
    id: Uuid,
) -> Result<Option<Payment>, StoreError> {
    let row: Option<Row> = sqlx::query_as(sql).bind(id).fetch_optional(conn).await?;
    row.map(TryInto::try_into).transpose()
}

/// One page of the tenant's payments, newest first, and how many there are in all.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn list(conn: &mut PgConnection, page: Page) -> Result<(Vec<Payment>, i64), StoreError> {
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(page.limit())
        .bind(page.offset())
        .fetch_all(&mut *conn)
        .await?;
    let total = sqlx::query_scalar(COUNT).fetch_one(conn).await?;
    let payments: Result<Vec<Payment>, StoreError> =
        rows.into_iter().map(TryInto::try_into).collect();
    Ok((payments?, total))
}

/// Writes a new payment; false when its order has one, which stays as it is.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn insert(conn: &mut PgConnection, payment: &Payment) -> Result<bool, StoreError> {
    let done = sqlx::query(INSERT)
        .bind(payment.id)
        .bind(payment.order_id)
        .bind(payment.buyer_id.as_uuid())
        .bind(payment.amount.amount)
        .bind(payment.amount.currency.as_str())
        .bind(payment.status.as_str())
        .bind(&payment.gateway)
        .bind(payment.created_at)
        .bind(payment.updated_at)
        .bind(payment.version)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes what can change of a payment that is locked.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn update(conn: &mut PgConnection, payment: &Payment) -> Result<(), StoreError> {
    sqlx::query(UPDATE)
        .bind(payment.id)
        .bind(payment.status.as_str())
        .bind(payment.updated_at)
        .bind(payment.version)
        .execute(conn)
        .await?;
    Ok(())
}
