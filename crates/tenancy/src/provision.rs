//! Creation of tenant databases: clones of the migrated template to which only the services may connect.

use std::time::Duration;

use database::ErrorKind;
use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};

use crate::{
    SettingsError, TenantCode, database_name,
    sql::{connect_options, quoted, run_assembled, sqlstate},
};

const LOCK: &str = "SELECT pg_advisory_lock(hashtextextended('provisioning of ' || $1, 0))";

const ROLES: &str = "SELECT role.rolname::text \
     FROM pg_database AS template, aclexplode(template.datacl) AS granted \
     JOIN pg_roles AS role ON role.oid = granted.grantee \
     WHERE template.datname = $1 AND granted.privilege_type = 'CONNECT' AND granted.grantee <> template.datdba \
     ORDER BY 1";

// SQLSTATE codes.
const OBJECT_IN_USE: &str = "55006";
const INSUFFICIENT_PRIVILEGE: &str = "42501";
const INVALID_CATALOG_NAME: &str = "3D000";
const DUPLICATE_DATABASE: &str = "42P04";

/// A tenant database could not be created or dropped.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The template, or the database to drop, has open connections.
    #[error("database {0} has open connections, try again later")]
    InUse(String),
    /// The template grants CONNECT to no service, so no service could use its clones.
    #[error("template {0} grants CONNECT to no service role")]
    NoServiceRoles(String),
    /// The cluster is down, too busy, or took too long.
    #[error("the cluster cannot be reached: {0}")]
    Unavailable(sqlx::Error),
    /// The cluster rejected the login or a statement.
    #[error("the cluster rejected a statement: {0}")]
    Rejected(sqlx::Error),
}

impl From<sqlx::Error> for ProvisionError {
    fn from(error: sqlx::Error) -> Self {
        match database::classify(&error) {
            ErrorKind::Unavailable => Self::Unavailable(error),
            ErrorKind::Conflict | ErrorKind::Rejected => Self::Rejected(error),
        }
    }
}

/// The outcome of [`Provisioner::create`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provisioned {
    /// The database was created.
    Created,
    /// The database existed, possibly incomplete; it is complete now.
    Completed,
}

/// Creates and drops tenant databases on one cluster.
///
/// A database is created closed (`ALLOW_CONNECTIONS false`), then granted, then opened. After a crash it is either absent,
/// closed or complete, and creating it again completes it. The provisioning role owns it and may not connect to it either.
#[derive(Debug, Clone)]
pub struct Provisioner {
    maintenance: PgConnectOptions,
    template: String,
    database_prefix: String,
}

impl Provisioner {
    /// Attempts to clone a template that is in use. Each waits up to 5 s inside `PostgreSQL`.
    const ATTEMPTS: u32 = 6;
    /// The pause after the first attempt; pauses double up to one second.
    const INITIAL_BACKOFF: Duration = Duration::from_millis(50);

    /// A provisioner on the cluster at `url`, whose role has `CREATEDB` (`postgres://tenantry_tenant:…@host:port/`; the
    /// database in the URL is where it connects, by default the one named like the role). New databases are clones of
    /// `template` and grant CONNECT to the roles to which the template grants it.
    ///
    /// # Errors
    /// `url` is invalid.
    pub fn new(
        url: &str,
        template: impl Into<String>,
        database_prefix: impl Into<String>,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            maintenance: connect_options("the cluster's URL for provisioning", url)?
                .application_name("provisioning")
                .disable_statement_logging(),
            template: template.into(),
            database_prefix: database_prefix.into(),
        })
    }

    /// The name of this tenant's database.
    pub fn database(&self, code: &TenantCode) -> String {
        database_name(&self.database_prefix, code)
    }

    /// Creates the tenant's database, or completes one that exists.
    pub async fn create(&self, code: &TenantCode) -> Result<Provisioned, ProvisionError> {
        let mut conn = self.maintenance.connect().await?;
        let result = self.create_with(&mut conn, code).await;
        conn.close().await.ok();
        result
    }

    /// Whether the tenant has a database that accepts connections.
    pub async fn exists(&self, code: &TenantCode) -> Result<bool, ProvisionError> {
        let mut conn = self.maintenance.connect().await?;
        let found = sqlx::query("SELECT FROM pg_database WHERE datname = $1 AND datallowconn")
            .bind(self.database(code))
            .fetch_optional(&mut conn)
            .await?;
        conn.close().await.ok();
        Ok(found.is_some())
    }

    /// Drops the tenant's database with all data, if it exists.
    ///
    /// New connections are refused at once. Open connections are terminated if this role is a member of
    /// `pg_signal_backend`; otherwise `PostgreSQL` waits 5 s for them and the result is [`ProvisionError::InUse`].
    pub async fn delete(&self, code: &TenantCode) -> Result<(), ProvisionError> {
        let mut conn = self.maintenance.connect().await?;
        let result = self.delete_with(&mut conn, code).await;
        conn.close().await.ok();
        result
    }

    async fn delete_with(
        &self,
        conn: &mut PgConnection,
        code: &TenantCode,
    ) -> Result<(), ProvisionError> {
        let name = self.database(code);
        let database = quoted(&name);
        let close = ["ALTER DATABASE ", &database, " ALLOW_CONNECTIONS false"];
        match run_assembled(conn, &close).await {
            Err(error) if sqlstate(&error).as_deref() == Some(INVALID_CATALOG_NAME) => {
                return Ok(());
            }
            closed => closed?,
        }
        let forced = ["DROP DATABASE IF EXISTS ", &database, " WITH (FORCE)"];
        let dropped = match run_assembled(conn, &forced).await {
            Err(error) if sqlstate(&error).as_deref() == Some(INSUFFICIENT_PRIVILEGE) => {
                run_assembled(conn, &["DROP DATABASE IF EXISTS ", &database]).await
            }
            dropped => dropped,
        };
        match dropped {
            Err(error) if sqlstate(&error).as_deref() == Some(OBJECT_IN_USE) => {
                Err(ProvisionError::InUse(name))
            }
            dropped => Ok(dropped?),
        }
    }

    async fn create_with(
        &self,
        conn: &mut PgConnection,
        code: &TenantCode,
    ) -> Result<Provisioned, ProvisionError> {
        let name = self.database(code);
        let database = quoted(&name);
        // Concurrent grants of two replicas would conflict. The lock is released with the session.
        sqlx::query(LOCK).bind(&name).execute(&mut *conn).await?;
        let outcome = self.clone_template(conn, &database).await?;
        let roles = self.roles_of_template(conn).await?;
        let revoke = [
            "REVOKE ALL ON DATABASE ",
            &database,
            " FROM PUBLIC, CURRENT_USER; ",
        ];
        let grant = [
            "GRANT CONNECT ON DATABASE ",
            &database,
            " TO ",
            &roles,
            "; ",
        ];
        let open = ["ALTER DATABASE ", &database, " ALLOW_CONNECTIONS true"];
        // One implicit transaction.
        run_assembled(conn, &[revoke.as_slice(), &grant, &open].concat()).await?;
        Ok(outcome)
    }

    /// The roles, besides the owner, to which the template grants CONNECT, as a quoted list. A clone does not inherit these
    /// grants; granting CONNECT on the template is what gives a service tenant databases.
    async fn roles_of_template(&self, conn: &mut PgConnection) -> Result<String, ProvisionError> {
        let roles: Vec<String> = sqlx::query_scalar(ROLES)
            .bind(&self.template)
            .fetch_all(conn)
            .await?;
        if roles.is_empty() {
            return Err(ProvisionError::NoServiceRoles(self.template.clone()));
        }
        let roles: Vec<String> = roles.iter().map(|role| quoted(role)).collect();
        Ok(roles.join(", "))
    }

    async fn clone_template(
        &self,
        conn: &mut PgConnection,
        database: &str,
    ) -> Result<Provisioned, ProvisionError> {
        let template = quoted(&self.template);
        let clone = [
            "CREATE DATABASE ",
            database,
            " TEMPLATE ",
            &template,
            " ALLOW_CONNECTIONS false",
        ];
        let mut backoff = Self::INITIAL_BACKOFF;
        for _ in 0..Self::ATTEMPTS {
            match run_assembled(conn, &clone).await {
                Ok(()) => return Ok(Provisioned::Created),
                Err(error) => match sqlstate(&error).as_deref() {
                    Some(DUPLICATE_DATABASE) => return Ok(Provisioned::Completed),
                    Some(OBJECT_IN_USE) => {
                        tokio::time::sleep(backoff).await;
                        backoff = (backoff * 2).min(Duration::from_secs(1));
                    }
                    _ => return Err(error.into()),
                },
            }
        }
        Err(ProvisionError::InUse(self.template.clone()))
    }
}
