//! Login attempts; in the platform database.

use auth::UserId;
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, FromQueryResult};
use service::StoreError;

use super::{
    entities::login_fact::{ActiveModel, Entity},
    statement,
};
use crate::domain::{LoginAttempt, LoginOutcome};

const COUNT: &str = "SELECT count(*) FILTER (WHERE succeeded) AS succeeded,
     count(*) FILTER (WHERE NOT succeeded) AS failed FROM login_fact";

/// The number of login attempts by outcome.
#[derive(Clone, Copy, Debug, FromQueryResult)]
pub struct LoginCounts {
    /// Successful attempts.
    pub succeeded: i64,
    /// Failed attempts.
    pub failed: i64,
}

/// Stores a login attempt, unless the same event was stored before.
pub async fn insert_if_new(
    db: &impl ConnectionTrait,
    attempt: &LoginAttempt,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        event_id: Set(attempt.event),
        user_id: Set(attempt.user.map(UserId::as_uuid)),
        succeeded: Set(attempt.outcome == LoginOutcome::Succeeded),
        at: Set(attempt.at),
    };
    Entity::insert(row)
        .on_conflict_do_nothing()
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Counts the login attempts.
pub async fn count(db: &impl ConnectionTrait) -> Result<LoginCounts, StoreError> {
    let counts = LoginCounts::find_by_statement(statement(COUNT, []))
        .one(db)
        .await?;
    Ok(counts.ok_or_else(|| DbErr::RecordNotFound("login counts".to_owned()))?)
}
