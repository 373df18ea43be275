//! Users and their activity; in the platform database.

use auth::UserId;
use sea_orm::ConnectionTrait;
use service::StoreError;
use time::OffsetDateTime;

use super::statement;

const UPSERT: &str = "INSERT INTO user_fact (user_id, came_at) VALUES ($1, $2)
     ON CONFLICT (user_id) DO UPDATE SET came_at = least(user_fact.came_at, excluded.came_at)";
const COUNT: &str = "SELECT count(*) FROM user_fact";
const COUNT_ACTIVE: &str = "SELECT count(*) FROM (
         SELECT buyer_id FROM order_fact UNION SELECT user_id FROM login_fact WHERE succeeded
     ) AS active";

/// Records when a user registered or was created; the earliest time is kept.
pub async fn record(
    db: &impl ConnectionTrait,
    user: UserId,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    db.execute_raw(statement(UPSERT, [user.into(), at.into()]))
        .await?;
    Ok(())
}

/// The number of users, including deleted ones.
pub async fn count(db: &impl ConnectionTrait) -> Result<i64, StoreError> {
    super::count(db, COUNT).await
}

/// The number of distinct users who ordered or logged in.
pub async fn count_active(db: &impl ConnectionTrait) -> Result<i64, StoreError> {
    super::count(db, COUNT_ACTIVE).await
}
