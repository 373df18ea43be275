//! Migrating a database as a service does it when it starts: its own platform database, and its schema in the template
//! that new tenants are cloned from.

use std::time::Duration;

use sqlx::{
    ConnectOptions, Connection, PgConnection, migrate::Migrator, postgres::PgConnectOptions,
};

use crate::{
    SettingsError,
    sql::{connect_options, quoted, sqlstate},
};

/// How long a database that is being cloned or started is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);

/// One migration at a time per database and schema; held by the session, so it ends with it.
const LOCK: &str =
    "SELECT pg_advisory_lock(hashtextextended('tenantry migration of ' || current_schema(), 0))";

/// A database could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// Its URL is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// It cannot be reached, or a statement failed.
    #[error("the database cannot be migrated: {0}")]
    Database(#[from] sqlx::Error),
    /// The role has no such schema, or may not use it.
    #[error("there is no schema {0} that this role may use")]
    NoSchema(String),
    /// A migration failed or does not fit those already there.
    #[error(transparent)]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

/// Brings `schema` of the database at `url` up to date as the role in that URL: first the tables of the crates
/// (`prelude`, statements that can be run again and again, such as `outbox::SCHEMA`), then the service's own
/// migrations. Replicas that start together wait for each other.
///
/// The template is left as soon as this is done, because it cannot be cloned while anybody is connected; while it is
/// being cloned, connecting waits or is tried again, for up to half a minute.
pub async fn migrate(
    url: &str,
    schema: &str,
    prelude: &[&'static str],
    migrations: &Migrator,
) -> Result<(), MigrationError> {
    let options = connect_options("the database to migrate", url)?
        .application_name("migration")
        .options([("search_path", quoted(schema))])
        .disable_statement_logging();
    let mut conn = connect(&options).await?;
    let done = run(&mut conn, schema, prelude, migrations).await;
    // Closed properly: the backend is gone when this returns, and the template can be cloned.
    conn.close().await?;
    done
}

/// [`migrate`] for the database `template` beside the one `cluster_url` names.
pub async fn migrate_template(
    cluster_url: &str,
    template: &str,
    schema: &str,
    prelude: &[&'static str],
    migrations: &Migrator,
) -> Result<(), MigrationError> {
    let url = connect_options("the template's cluster", cluster_url)?
        .database(template)
        .to_url_lossy();
    migrate(url.as_str(), schema, prelude, migrations).await
}

async fn run(
    conn: &mut PgConnection,
    schema: &str,
    prelude: &[&'static str],
    migrations: &Migrator,
) -> Result<(), MigrationError> {
    let usable: Option<String> = sqlx::query_scalar("SELECT current_schema()::text")
        .fetch_one(&mut *conn)
        .await?;
    if usable.as_deref() != Some(schema) {
        return Err(MigrationError::NoSchema(schema.to_owned()));
    }
    sqlx::query(LOCK).execute(&mut *conn).await?;
    for statements in prelude {
        sqlx::raw_sql(*statements).execute(&mut *conn).await?;
    }
    migrations.run_direct(None, conn, false).await?;
    Ok(())
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
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
