//! The orders of the tenant whose database `db` is.

use auth::UserId;
use money::Money;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use service::StoreError;

use super::entities::customer_order::{ActiveModel, COLUMN, Column, Entity, Items, Model};
use crate::domain::{Buyer, Order, OrderId, Payment};

impl TryFrom<Model> for Order {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
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
                .map_err(|error| StoreError::corrupt("order status", error))?,
            items: row.items.0,
            total: Money::parse(row.total, &row.currency)
                .map_err(|error| StoreError::corrupt("currency", error))?,
            payment,
            transaction_id: row.transaction_id,
            created_at: row.created_at,
            expires_at: row.expires_at,
            updated_at: row.updated_at,
            version: row.version,
        })
    }
}

/// The order, whoever placed it.
pub async fn find(db: &impl ConnectionTrait, id: OrderId) -> Result<Option<Order>, StoreError> {
    let row = Entity::find_by_id(id).one(db).await?;
    row.map(TryInto::try_into).transpose()
}

/// The order, locked until the transaction ends.
pub async fn lock(db: &impl ConnectionTrait, id: OrderId) -> Result<Option<Order>, StoreError> {
    let row = Entity::find_by_id(id).lock_exclusive().one(db).await?;
    row.map(TryInto::try_into).transpose()
}

/// The buyer's newest `limit` orders at this tenant, and how many they have here in all.
pub async fn newest_of(
    db: &impl ConnectionTrait,
    buyer: UserId,
    limit: u64,
) -> Result<(Vec<Order>, u64), StoreError> {
    let own = Entity::find().filter(COLUMN.buyer_id.eq(buyer.as_uuid()));
    let total = own.clone().count(db).await?;
    let rows = own
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    let orders: Result<_, StoreError> = rows.into_iter().map(TryInto::try_into).collect();
    Ok((orders?, total))
}

/// Stores a new order.
pub async fn insert(db: &impl ConnectionTrait, order: &Order) -> Result<(), StoreError> {
    let row = ActiveModel {
        buyer_id: Set(order.buyer.id.as_uuid()),
        buyer_email: Set(order.buyer.email.clone()),
        items: Set(Items(order.items.clone())),
        total: Set(order.total.amount),
        currency: Set(order.total.currency.to_string()),
        created_at: Set(order.created_at),
        expires_at: Set(order.expires_at),
        id: Set(order.id),
        ..changeable(order)
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Stores what can change of an order that is locked.
pub async fn update(db: &impl ConnectionTrait, order: &Order) -> Result<(), StoreError> {
    let row = ActiveModel {
        id: Unchanged(order.id),
        ..changeable(order)
    };
    Entity::update(row)
        .validate()?
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// The columns that a step of the order's life changes.
fn changeable(order: &Order) -> ActiveModel {
    let payment = order.payment.as_ref();
    ActiveModel {
        status: Set(order.status.to_string()),
        payment_id: Set(payment.map(|payment| payment.id)),
        payment_link: Set(payment.map(|payment| payment.link.clone())),
        payment_gateway: Set(payment.map(|payment| payment.gateway.clone())),
        transaction_id: Set(order.transaction_id.clone()),
        updated_at: Set(order.updated_at),
        version: Set(order.version),
        ..ActiveModel::default()
    }
}
