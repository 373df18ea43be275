//! Logins, good and bad; in the platform database.

use auth::UserId;
use service::StoreError;
use sqlx::PgConnection;

use crate::domain::{Login, Outcome};

const NOTE: &str =
    "INSERT INTO login_fact (event_id, user_id, succeeded, at) VALUES ($1, $2, $3, $4)
     ON CONFLICT DO NOTHING";
const COUNT: &str = "SELECT count(*) FILTER (WHERE succeeded), count(*) FILTER (WHERE NOT succeeded) FROM login_fact";

/// Notes a login; one that is known stays as it is.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn note(conn: &mut PgConnection, login: &Login) -> Result<(), StoreError> {
    sqlx::query(NOTE)
        .bind(login.event)
        .bind(login.user.map(UserId::as_uuid))
        .bind(login.outcome == Outcome::Succeeded)
        .bind(login.at)
        .execute(conn)
        .await?;
    Ok(())
}

/// How many logins succeeded, and how many failed.
///
/// # Errors
/// [`StoreError`] of the database.
pub async fn count(conn: &mut PgConnection) -> Result<(i64, i64), StoreError> {
    Ok(sqlx::query_as(COUNT).fetch_one(conn).await?)
}
