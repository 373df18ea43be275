//! The payments of the tenant whose database `db` is.

use money::Money;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, TryInsertResult,
};
use service::{Page, StoreError};

use super::entities::payment::{ActiveModel, Column, Entity, Model};
use crate::domain::{OrderId, Payment, PaymentId};

impl TryFrom<Model> for Payment {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            order_id: row.order_id,
            buyer_id: row.buyer_id.into(),
            amount: Money::parse(row.amount, &row.currency)
                .map_err(|error| StoreError::corrupt("currency", error))?,
            status: row
                .status
                .parse()
                .map_err(|error| StoreError::corrupt("payment status", error))?,
            gateway: row.gateway,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        })
    }
}

/// The payment.
pub async fn find(db: &impl ConnectionTrait, id: PaymentId) -> Result<Option<Payment>, StoreError> {
    let row = Entity::find_by_id(id).one(db).await?;
    row.map(TryInto::try_into).transpose()
}

/// The payment, locked until the transaction ends.
pub async fn lock(db: &impl ConnectionTrait, id: PaymentId) -> Result<Option<Payment>, StoreError> {
    let row = Entity::find_by_id(id).lock_exclusive().one(db).await?;
    row.map(TryInto::try_into).transpose()
}

/// The payment of an order, locked until the transaction ends.
pub async fn lock_by_order(
    db: &impl ConnectionTrait,
    order: OrderId,
) -> Result<Option<Payment>, StoreError> {
    let row = Entity::find()
        .filter(Column::OrderId.eq(order))
        .lock_exclusive()
        .one(db)
        .await?;
    row.map(TryInto::try_into).transpose()
}

/// One page of the tenant's payments, newest first, and the number of all payments.
pub async fn list(
    db: &impl ConnectionTrait,
    page: Page,
) -> Result<(Vec<Payment>, u64), StoreError> {
    let rows = Entity::find()
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .limit(page.limit())
        .offset(page.offset())
        .all(db)
        .await?;
    let total = Entity::find().count(db).await?;
    let payments: Result<_, StoreError> = rows.into_iter().map(TryInto::try_into).collect();
    Ok((payments?, total))
}

/// Stores a new payment; `false` if its order already has one, which is left unchanged.
pub async fn insert_if_new(
    db: &impl ConnectionTrait,
    payment: &Payment,
) -> Result<bool, StoreError> {
    let row = ActiveModel {
        id: Set(payment.id),
        order_id: Set(payment.order_id),
        buyer_id: Set(payment.buyer_id.as_uuid()),
        amount: Set(payment.amount.amount),
        currency: Set(payment.amount.currency.to_string()),
        gateway: Set(payment.gateway.clone()),
        created_at: Set(payment.created_at),
        ..changeable(payment)
    };
    let inserted = Entity::insert(row)
        .on_conflict_do_nothing_on([Column::OrderId])
        .exec_without_returning(db)
        .await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(1..)))
}

/// Stores the changeable columns of a payment that is locked.
pub async fn update(db: &impl ConnectionTrait, payment: &Payment) -> Result<(), StoreError> {
    let row = ActiveModel {
        id: Unchanged(payment.id),
        ..changeable(payment)
    };
    Entity::update(row)
        .validate()?
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// The columns that a transition changes.
fn changeable(payment: &Payment) -> ActiveModel {
    ActiveModel {
        status: Set(payment.status.to_string()),
        updated_at: Set(payment.updated_at),
        version: Set(payment.version),
        ..ActiveModel::default()
    }
}
