//! Queries over the tables of one tenant's database and of the platform database. No decisions.

pub mod audit;
mod entities;
pub mod logins;
pub mod orders;
pub mod tenants;
pub mod users;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};
use service::StoreError;

/// A constant statement with bound values.
fn statement<const N: usize>(sql: &'static str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

/// The result of a statement that selects one `bigint` named `count`.
async fn count(db: &impl ConnectionTrait, sql: &'static str) -> Result<i64, StoreError> {
    let row = db.query_one_raw(statement(sql, [])).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("a count".to_owned()))?;
    Ok(row.try_get("", "count")?)
}
