//! Making a tenant's database: a clone of the migrated template that admits the services and nobody else.

use std::time::Duration;

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

// SQLSTATEs.
const IN_USE: &str = "55006";
const NOT_PERMITTED: &str = "42501";
const NO_SUCH_DATABASE: &str = "3D000";
const THERE_ALREADY: &str = "42P04";

/// A tenant's database could not be made or dropped.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// Somebody stayed connected to the template, so it could not be cloned, or to the database to drop.
    #[error("database {0} stays in use")]
    InUse(String),
    /// The template admits no service, so its copies would be of no use.
    #[error("template {0} grants CONNECT to no service's role")]
    NoServices(String),
    /// The cluster cannot be reached, or refused.
    #[error("the cluster refused: {0}")]
    Database(#[from] sqlx::Error),
}

/// What a [`Provisioner`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provisioned {
    /// The database is new.
    Created,
    /// It was there already, possibly half made; now it is complete.
    Completed,
}

/// Makes and drops tenants' databases on one cluster.
///
/// A database is made closed (`ALLOW_CONNECTIONS false`), then granted, then opened: after a crash at any point it is
/// either absent, or admits nobody, or is complete, and doing it again completes it. Not even the provisioning role,
/// which owns it, may connect.
#[derive(Debug, Clone)]
pub struct Provisioner {
    maintenance: PgConnectOptions,
    template: String,
    database_prefix: String,
}

impl Provisioner {
    /// How often a template in use is tried again, and the first pause; pauses double up to a second. Each try waits
    /// up to 5 s inside `PostgreSQL`.
    const ATTEMPTS: u32 = 6;
    const PAUSE: Duration = Duration::from_millis(50);

    /// On the cluster at `url`, as a role with `CREATEDB` (`postgres://tenantry_tenant:…@host:port/`, by way of the
    /// database named there or else like the role); new databases are copies of `template` and admit the roles that
    /// the template admits.
    ///
    /// # Errors
    /// `url` cannot be read.
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

    /// Makes the tenant's database, or completes it if it was made before.
    pub async fn create(&self, code: &TenantCode) -> Result<Provisioned, ProvisionError> {
        let mut conn = self.maintenance.connect().await?;
        let done = self.create_with(&mut conn, code).await;
        conn.close().await.ok();
        done
    }

    /// Whether there is a database of this tenant that admits connections.
    pub async fn exists(&self, code: &TenantCode) -> Result<bool, ProvisionError> {
        let mut conn = self.maintenance.connect().await?;
        let found = sqlx::query("SELECT FROM pg_database WHERE datname = $1 AND datallowconn")
            .bind(self.database(code))
            .fetch_optional(&mut conn)
            .await?;
        conn.close().await.ok();
        Ok(found.is_some())
    }

    /// Drops the tenant's database with everything in it. Nothing to drop is fine.
    ///
    /// Nobody new gets in from the first moment. Connections that are left are ended if this role is a member of
    /// `pg_signal_backend`; else they are waited for, 5 s, and then it is [`ProvisionError::InUse`]: try again later.
    pub async fn drop(&self, code: &TenantCode) -> Result<(), ProvisionError> {
        let mut conn = self.maintenance.connect().await?;
        let done = self.drop_with(&mut conn, code).await;
        conn.close().await.ok();
        done
    }

    async fn drop_with(
        &self,
        conn: &mut PgConnection,
        code: &TenantCode,
    ) -> Result<(), ProvisionError> {
        let name = self.database(code);
        let database = quoted(&name);
        let close = ["ALTER DATABASE ", &database, " ALLOW_CONNECTIONS false"];
        match run_assembled(conn, &close).await {
            Err(error) if sqlstate(&error).as_deref() == Some(NO_SUCH_DATABASE) => return Ok(()),
            closed => closed?,
        }
        let by_force = ["DROP DATABASE IF EXISTS ", &database, " WITH (FORCE)"];
        let dropped = match run_assembled(conn, &by_force).await {
            Err(error) if sqlstate(&error).as_deref() == Some(NOT_PERMITTED) => {
                run_assembled(conn, &["DROP DATABASE IF EXISTS ", &database]).await
            }
            dropped => dropped,
        };
        match dropped {
            Err(error) if sqlstate(&error).as_deref() == Some(IN_USE) => {
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
        // Two replicas at once would trip over each other's grants. The lock ends with the session.
        sqlx::query(LOCK).bind(&name).execute(&mut *conn).await?;
        let made = self.clone_template(conn, &database).await?;
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
        Ok(made)
    }

    /// Whom the template admits by name besides its owner, quoted and in a row. That grant is where a service becomes
    /// one with tenant databases; a clone does not inherit it.
    async fn roles_of_template(&self, conn: &mut PgConnection) -> Result<String, ProvisionError> {
        let roles: Vec<String> = sqlx::query_scalar(ROLES)
            .bind(&self.template)
            .fetch_all(conn)
            .await?;
        if roles.is_empty() {
            return Err(ProvisionError::NoServices(self.template.clone()));
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
        let mut pause = Self::PAUSE;
        for _ in 0..Self::ATTEMPTS {
            match run_assembled(conn, &clone).await {
                Ok(()) => return Ok(Provisioned::Created),
                Err(error) => match sqlstate(&error).as_deref() {
                    Some(THERE_ALREADY) => return Ok(Provisioned::Completed),
                    Some(IN_USE) => {
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(Duration::from_secs(1));
                    }
                    _ => return Err(error.into()),
                },
            }
        }
        Err(ProvisionError::InUse(self.template.clone()))
    }
}
