//! Single-use secrets that let a user set a password without the old one.

use auth::UserId;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, TryInsertResult,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use service::StoreError;
use time::{Duration, OffsetDateTime};

use super::entities::password_token::{ActiveModel, Column, Entity};
use crate::domain::{Purpose, SecretHash};

/// Minimum time between two e-mails to one user for one purpose.
const EMAIL_INTERVAL: Duration = Duration::MINUTE;

/// Opens a token for an e-mail that is to be sent; returns `false` if one was opened less than a minute ago.
pub async fn open(
    db: &impl ConnectionTrait,
    user: UserId,
    purpose: Purpose,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let row = ActiveModel {
        secret_hash: Set(None),
        ..token(user, purpose, now)
    };
    let replace = replace_existing()
        .action_and_where(Expr::col((Entity, Column::OpenedAt)).lt(now - EMAIL_INTERVAL))
        .to_owned();
    let opened = Entity::insert(row)
        .on_conflict(replace)
        .try_insert()
        .exec_without_returning(db)
        .await?;
    Ok(matches!(opened, TryInsertResult::Inserted(1..)))
}

/// Stores the secret of an e-mail in an open token; returns when the token expires, `None` if none is open.
pub async fn fill(
    db: &impl ConnectionTrait,
    user: UserId,
    purpose: Purpose,
    secret: &SecretHash,
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, StoreError> {
    let filled = Entity::update_many()
        .col_expr(Column::SecretHash, Expr::value(secret.as_bytes().to_vec()))
        .filter(Column::UserId.eq(user))
        .filter(Column::Purpose.eq(purpose.to_string()))
        .filter(Column::ExpiresAt.gt(now))
        .exec_with_returning(db)
        .await?;
    Ok(filled.first().map(|token| token.expires_at))
}

/// Opens a token and stores its secret; returns when the token expires.
pub async fn grant(
    db: &impl ConnectionTrait,
    user: UserId,
    purpose: Purpose,
    secret: &SecretHash,
    now: OffsetDateTime,
) -> Result<OffsetDateTime, StoreError> {
    let row = ActiveModel {
        secret_hash: Set(Some(secret.as_bytes().to_vec())),
        ..token(user, purpose, now)
    };
    Entity::insert(row)
        .on_conflict(replace_existing())
        .exec_without_returning(db)
        .await?;
    Ok(now + purpose.lifetime())
}

fn token(user: UserId, purpose: Purpose, now: OffsetDateTime) -> ActiveModel {
    ActiveModel {
        user_id: Set(user),
        purpose: Set(purpose.to_string()),
        opened_at: Set(now),
        expires_at: Set(now + purpose.lifetime()),
        ..ActiveModel::default()
    }
}

fn replace_existing() -> OnConflict {
    OnConflict::columns([Column::UserId, Column::Purpose])
        .update_columns([Column::SecretHash, Column::OpenedAt, Column::ExpiresAt])
        .to_owned()
}

/// Whether the secret is valid now for this user, whose row must be locked.
pub async fn is_valid(
    db: &impl ConnectionTrait,
    user: UserId,
    secret: &SecretHash,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let valid = Entity::find()
        .filter(Column::UserId.eq(user))
        .filter(Column::SecretHash.eq(secret.as_bytes().to_vec()))
        .filter(Column::ExpiresAt.gt(now))
        .count(db)
        .await?;
    Ok(valid > 0)
}

/// Deletes all tokens of this user, so that a secret is valid once.
pub async fn delete_all(db: &impl ConnectionTrait, user: UserId) -> Result<(), StoreError> {
    Entity::delete_many()
        .filter(Column::UserId.eq(user))
        .exec(db)
        .await?;
    Ok(())
}
