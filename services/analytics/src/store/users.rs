//! Who there is, and who does something; in the platform database.

use auth::UserId;
use service::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;

const NOTE: &str = "INSERT INTO user_fact (user_id, came_at) VALUES ($1, $2)
     ON CONFLICT (user_id) DO UPDATE SET came_at = least(user_fact.came_at, excluded.came_at)";
const COUNT: &str = "SELECT count(*) FROM user_fact";
const COUNT_ACTIVE: &str = "SELECT count(*) FROM (
         SELECT buyer_id FROM order_fact UNION SELECT user_id FROM login_fact WHERE succeeded
     ) AS active";

/// Notes that a user came; the earliest time stays.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn note(
    conn: &mut PgConnection,
    user: UserId,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query(NOTE)
        .bind(user.as_uuid())
        .bind(at)
        .execute(conn)
        .await?;
    Ok(())
}

/// How many users there were ever.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn count(conn: &mut PgConnection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(COUNT).fetch_one(conn).await?)
}

/// How many distinct users ordered or logged in.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn count_active(conn: &mut PgConnection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(COUNT_ACTIVE).fetch_one(conn).await?)
}
