//! Order facts: of one tenant in its database, of all tenants in the platform database.

use money::Money;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ConnectionTrait, EntityTrait, FromQueryResult, QuerySelect,
};
use service::StoreError;

use super::{
    entities::order_fact::{ActiveModel, Entity, Model},
    statement,
};
use crate::domain::{OrderFact, OrderGroup, OrderId, OrderStatus};

// The sum of bigints is a numeric; the cast fails if it does not fit into a bigint.
const GROUPS: &str = "SELECT status, currency, count(*) AS orders, count(paid_at) AS paid,
     count(completed_at) AS completed, sum(total)::bigint AS sum
     FROM order_fact GROUP BY status, currency";
const COUNT_BUYERS: &str = "SELECT count(DISTINCT buyer_id) FROM order_fact";

impl TryFrom<Model> for OrderFact {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            order_id: row.order_id,
            buyer_id: row.buyer_id.into(),
            total: money(row.total, &row.currency)?,
            status: status(&row.status)?,
            version: row.version,
            placed_at: row.placed_at,
            paid_at: row.paid_at,
            completed_at: row.completed_at,
        })
    }
}

#[derive(FromQueryResult)]
struct GroupRow {
    status: String,
    currency: String,
    orders: i64,
    paid: i64,
    completed: i64,
    sum: i64,
}

impl TryFrom<GroupRow> for OrderGroup {
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

fn money(amount: i64, currency: &str) -> Result<Money, StoreError> {
    Money::parse(amount, currency).map_err(|error| StoreError::corrupt("currency", error))
}

fn status(text: &str) -> Result<OrderStatus, StoreError> {
    text.parse()
        .map_err(|error: strum::ParseError| StoreError::corrupt("order status", error))
}

/// The fact of an order, locked until the transaction ends.
pub async fn lock(
    db: &impl ConnectionTrait,
    order: OrderId,
) -> Result<Option<OrderFact>, StoreError> {
    let row = Entity::find_by_id(order).lock_exclusive().one(db).await?;
    row.map(TryInto::try_into).transpose()
}

/// Stores the first fact of an order. Fails if a concurrent transaction stored one first; a retry finds its row.
pub async fn insert(db: &impl ConnectionTrait, fact: &OrderFact) -> Result<(), StoreError> {
    let row = ActiveModel {
        order_id: Set(fact.order_id),
        ..changeable(fact)
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Stores the merged fact of an order that is locked.
pub async fn update(db: &impl ConnectionTrait, fact: &OrderFact) -> Result<(), StoreError> {
    let row = ActiveModel {
        order_id: Unchanged(fact.order_id),
        ..changeable(fact)
    };
    Entity::update(row)
        .validate()?
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// The columns that merging a transition changes.
fn changeable(fact: &OrderFact) -> ActiveModel {
    ActiveModel {
        buyer_id: Set(fact.buyer_id.as_uuid()),
        total: Set(fact.total.amount),
        currency: Set(fact.total.currency.to_string()),
        status: Set(fact.status.to_string()),
        version: Set(fact.version),
        placed_at: Set(fact.placed_at),
        paid_at: Set(fact.paid_at),
        completed_at: Set(fact.completed_at),
        ..ActiveModel::default()
    }
}

/// All orders of the database, counted and summed by status and currency. Fails if a sum is too large.
pub async fn groups(db: &impl ConnectionTrait) -> Result<Vec<OrderGroup>, StoreError> {
    let rows = GroupRow::find_by_statement(statement(GROUPS, []))
        .all(db)
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The number of distinct buyers.
pub async fn count_buyers(db: &impl ConnectionTrait) -> Result<i64, StoreError> {
    super::count(db, COUNT_BUYERS).await
}
