//! Connection URLs and SQL identifiers: the only place where statements are assembled from parts.

use std::str::FromStr;

use sqlx::{AssertSqlSafe, Executor, PgConnection, postgres::PgConnectOptions};

/// An invalid setting, with its name and the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

impl SettingsError {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// Parses a `postgres://` URL. The error never repeats the URL, which holds a password.
pub(crate) fn connect_options(what: &str, url: &str) -> Result<PgConnectOptions, SettingsError> {
    let invalid = || SettingsError::new(format!("{what} is not a postgres:// URL"));
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(invalid());
    }
    PgConnectOptions::from_str(url).map_err(|_| invalid())
}

/// A quoted identifier, safe in any statement. NUL, the only character that cannot be quoted, is removed.
pub(crate) fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('\0', "").replace('"', "\"\""))
}

/// Runs a statement whose identifiers cannot be bound as parameters. `parts` are concatenated as they are: each is a
/// literal of this crate or went through [`quoted`].
pub(crate) async fn run_assembled(
    conn: &mut PgConnection,
    parts: &[&str],
) -> Result<(), sqlx::Error> {
    let statement = AssertSqlSafe(parts.concat());
    conn.execute(sqlx::raw_sql(statement)).await.map(|_| ())
}

/// The SQLSTATE of an error that the database reported.
pub(crate) fn sqlstate(error: &sqlx::Error) -> Option<String> {
    let code = error.as_database_error()?.code()?;
    Some(code.into_owned())
}
