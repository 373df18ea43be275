//! The way into the template database, which every service migrates its own schema of when it starts.

use std::time::Duration;

use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};

use crate::sql::{connect_options, quoted, sqlstate};

/// How long a template that is being cloned, or a server that is starting, is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);

/// Connects to the database `template` of the cluster at `cluster_url` as the role in that URL, with `schema` as the
/// search path.
///
/// While the template is being cloned connecting waits, and no clone can be made while anybody is connected: migrate,
/// then close the connection.
///
/// # Errors
/// The URL cannot be read, the server refuses, does not answer for half a minute, or the role may use no such schema.
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
    let mut conn = patiently(&options).await?;
    let usable: Option<String> = sqlx::query_scalar("SELECT current_schema()::text")
        .fetch_one(&mut conn)
        .await?;
    if usable.as_deref() == Some(schema) {
        Ok(conn)
    } else {
        let missing = format!("there is no schema {schema} in {template} that this role may use");
        Err(sqlx::Error::Configuration(missing.into()))
    }
}

async fn patiently(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match options.connect().await {
            Ok(conn) => return Ok(conn),
            Err(error) if tokio::time::Instant::now() < deadline && is_passing(&error) => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Starting up, out of connections, refusing connections for now, or being cloned.
fn is_passing(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(_))
        || matches!(
            sqlstate(error).as_deref(),
            Some("57P03" | "53300" | "55000" | "55006")
        )
}
