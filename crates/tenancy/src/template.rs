//! Connections to the template database, in which every service migrates its own schema at start.

use std::time::Duration;

use database::ErrorKind;
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};

use crate::sql::{connect_options, quoted, sqlstate};

/// How long to wait for a template that is being cloned, or for a server that is starting.
const TIMEOUT: Duration = Duration::from_secs(30);
const RETRY_INTERVAL: Duration = Duration::from_millis(200);

/// Connects to the database `template` of the cluster at `cluster_url` as the role in that URL, with `schema` as the
/// search path.
///
/// `PostgreSQL` refuses connections while the template is being cloned, and clones nothing while a connection is open:
/// migrate, then close the connection.
///
/// # Errors
/// The URL is invalid, the server refuses or does not answer for 30 seconds, or the role may not use the schema.
pub async fn connect(
    cluster_url: &str,
    template: &str,
    schema: &str,
) -> Result<PgConnection, sqlx::Error> {
    let options = connect_options("the URL of the template's cluster", cluster_url)
        .map_err(|error| sqlx::Error::Configuration(error.into()))?
        .database(template)
        .application_name("template migration")
        .options([("search_path", quoted(schema))])
        .disable_statement_logging();
    let mut conn = connect_with_retries(&options).await?;
    let current: Option<String> = sqlx::query_scalar("SELECT current_schema()::text")
        .fetch_one(&mut conn)
        .await?;
    if current.as_deref() == Some(schema) {
        Ok(conn)
    } else {
        let missing = format!("there is no schema {schema} in {template} that this role may use");
        Err(sqlx::Error::Configuration(missing.into()))
    }
}

async fn connect_with_retries(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let deadline = tokio::time::Instant::now() + TIMEOUT;
    loop {
        match options.connect().await {
            Ok(conn) => return Ok(conn),
            Err(error) if tokio::time::Instant::now() < deadline && is_temporary(&error) => {
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Unavailable, or refusing connections while it is cloned (SQLSTATE 55000, 55006).
fn is_temporary(error: &sqlx::Error) -> bool {
    database::classify(error) == ErrorKind::Unavailable
        || matches!(sqlstate(error).as_deref(), Some("55000" | "55006"))
}
