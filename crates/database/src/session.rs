//! A sqlx connection or transaction as a sea-orm connection.

use std::{fmt, ops::DerefMut};

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Postgres, pool::PoolConnection};
use tokio::sync::Mutex;

use crate::orm_error;

/// A pooled connection outside a transaction.
pub type Connection = Session<PoolConnection<Postgres>>;

/// A transaction. Rolled back when it is dropped without a commit.
pub type Transaction = Session<sqlx::Transaction<'static, Postgres>>;

/// Owns anything that lends a [`PgConnection`], and runs sea-orm's statements on it.
///
/// Statements of one session run one after the other: sea-orm asks for `&self` and PostgreSQL has one statement at a
/// time on a connection, so callers that share a session wait for each other.
pub struct Session<C>(Mutex<C>);

impl<C> Session<C>
where
    C: DerefMut<Target = PgConnection> + Send,
{
    /// Takes the connection over.
    pub fn new(inner: C) -> Self {
        Self(Mutex::new(inner))
    }

    /// The connection below, for statements that go to sqlx directly.
    pub fn sqlx(&mut self) -> &mut PgConnection {
        self.0.get_mut()
    }

    /// Gives the connection or transaction back, for example to commit it.
    pub fn into_inner(self) -> C {
        self.0.into_inner()
    }
}

impl<C> fmt::Debug for Session<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

#[async_trait]
impl<C> ConnectionTrait for Session<C>
where
    C: DerefMut<Target = PgConnection> + Send,
{
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let query = prepared(&statement.sql, statement.values);
        let mut conn = self.0.lock().await;
        let done = query.execute(&mut **conn).await;
        Ok(done.map_err(orm_error)?.into())
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let mut conn = self.0.lock().await;
        let done = (**conn).execute(AssertSqlSafe(sql)).await;
        Ok(done.map_err(orm_error)?.into())
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let query = prepared(&statement.sql, statement.values);
        let mut conn = self.0.lock().await;
        let row = query.fetch_optional(&mut **conn).await;
        Ok(row.map_err(orm_error)?.map(Into::into))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let query = prepared(&statement.sql, statement.values);
        let mut conn = self.0.lock().await;
        let rows = query.fetch_all(&mut **conn).await;
        Ok(rows
            .map_err(orm_error)?
            .into_iter()
            .map(Into::into)
            .collect())
    }
}

/// The text comes from sea-query's builders or from a constant of the caller, values are bound: nothing is spliced in.
fn prepared(sql: &str, values: Option<Values>) -> sqlx::query::Query<'_, Postgres, SqlxValues> {
    let values = values.unwrap_or_else(|| Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(sql), SqlxValues(values))
}
