//! Leave to set a password without the old one.

use auth::UserId;
use service::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::domain::{Purpose, SecretHash};

/// Mails of one kind to one person: at most one in this time.
const OPEN: &str = "INSERT INTO password_token (user_id, purpose, opened_at, expires_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (user_id, purpose) DO UPDATE SET opened_at = $3, expires_at = $4, secret_hash = NULL
     WHERE password_token.opened_at < $3 - interval '1 minute'";
const FILL: &str = "UPDATE password_token SET secret_hash = $3
     WHERE user_id = $1 AND purpose = $2 AND expires_at > $4 RETURNING expires_at";
const GRANT: &str = "INSERT INTO password_token (user_id, purpose, secret_hash, opened_at, expires_at)
     VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (user_id, purpose) DO UPDATE SET secret_hash = $3, opened_at = $4, expires_at = $5";
const IS_GOOD: &str = "SELECT EXISTS (SELECT FROM password_token
     WHERE user_id = $1 AND secret_hash = $2 AND expires_at > $3)";
const CLOSE: &str = "DELETE FROM password_token WHERE user_id = $1";

/// Opens leave for a mail that is to be written. `false`: one was opened less than a minute ago.
pub async fn open(
    conn: &mut PgConnection,
    user: UserId,
    purpose: Purpose,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let done = sqlx::query(OPEN)
        .bind(user.as_uuid())
        .bind(purpose.as_str())
        .bind(now)
        .bind(now + purpose.life())
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts the secret of a mail into leave that is open; answers until when it is good.
pub async fn fill(
    conn: &mut PgConnection,
    user: UserId,
    purpose: Purpose,
    secret: &SecretHash,
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, StoreError> {
    Ok(sqlx::query_scalar(FILL)
        .bind(user.as_uuid())
        .bind(purpose.as_str())
        .bind(secret.as_bytes())
        .bind(now)
        .fetch_optional(conn)
        .await?)
}

/// Gives leave and puts the secret in at once; answers until when it is good.
pub async fn grant(
    conn: &mut PgConnection,
    user: UserId,
    purpose: Purpose,
    secret: &SecretHash,
    now: OffsetDateTime,
) -> Result<OffsetDateTime, StoreError> {
    let until = now + purpose.life();
    sqlx::query(GRANT)
        .bind(user.as_uuid())
        .bind(purpose.as_str())
        .bind(secret.as_bytes())
        .bind(now)
        .bind(until)
        .execute(conn)
        .await?;
    Ok(until)
}

/// Whether the secret is good now for this user, whose row is locked.
pub async fn is_good(
    conn: &mut PgConnection,
    user: UserId,
    secret: &SecretHash,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(IS_GOOD)
        .bind(user.as_uuid())
        .bind(secret.as_bytes())
        .bind(now)
        .fetch_one(conn)
        .await?)
}

/// Ends every leave of this user: a secret is good once.
pub async fn close_all(conn: &mut PgConnection, user: UserId) -> Result<(), StoreError> {
    sqlx::query(CLOSE)
        .bind(user.as_uuid())
        .execute(conn)
        .await?;
    Ok(())
}
