//! What touches SQL text and URLs: the one place where a statement is put together from parts.

use std::str::FromStr;

use sqlx::{
    AssertSqlSafe, Executor, PgConnection, Row, postgres::PgConnectOptions, postgres::PgRow,
};

/// A setting is wrong; says which and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

impl SettingsError {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// Reads a `postgres://` URL. The error never repeats the URL, which holds a password.
pub(crate) fn connect_options(what: &str, url: &str) -> Result<PgConnectOptions, SettingsError> {
    let invalid = || SettingsError::new(format!("{what} is no postgres:// URL"));
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(invalid());
    }
    PgConnectOptions::from_str(url).map_err(|_| invalid())
}

/// An identifier in quotes, safe in any statement.
///
/// # Panics
/// Never for names made of a validated code, region or role: only a NUL cannot be quoted, and it is dropped.
pub(crate) fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('\0', "").replace('"', "\"\""))
}

/// Runs a statement whose identifiers cannot be bound as parameters. `parts` are joined as they are: each is either a
/// literal of ours or went through [`quoted`].
pub(crate) async fn run_assembled(
    conn: &mut PgConnection,
    parts: &[&str],
) -> Result<(), sqlx::Error> {
    let statement = AssertSqlSafe(parts.concat());
    conn.execute(sqlx::raw_sql(statement)).await.map(|_| ())
}

/// A text column as the type it was parsed to when written.
pub(crate) fn parsed_column<T>(row: &PgRow, column: &str) -> Result<T, sqlx::Error>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.try_get(column)?;
    text.parse().map_err(|error| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: Box::new(error),
    })
}

/// The SQLSTATE of an error that the database reported.
pub(crate) fn sqlstate(error: &sqlx::Error) -> Option<String> {
    let code = error.as_database_error()?.code()?;
    Some(code.into_owned())
}
