//! Making a tenant's database: a clone of the migrated template that admits the services and nobody else.

use std::time::Duration;

use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};

use crate::{
    SettingsError, TenantCode, database_name,
    sql::{connect_options, quoted, run_assembled, sqlstate},
};

/// A tenant's database could not be made or dropped.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The template stayed in use, so it could not be cloned.
    #[error("the template database is in use")]
    TemplateInUse,
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
/// either absent, or admits nobody, or is complete, and doing it again completes it.
#[derive(Debug, Clone)]
pub struct Provisioner {
    maintenance: PgConnectOptions,
    template: String,
    database_prefix: String,
    service_roles: Vec<String>,
}

impl Provisioner {
    /// How often a template in use is tried again, and the first pause; pauses double up to a second. Each try waits
    /// up to 5 s inside PostgreSQL.
    const ATTEMPTS: u32 = 6;
    const PAUSE: Duration = Duration::from_millis(50);

    /// On the cluster at `url`, as a role with CREATEDB (`postgres://tenantry_tenant:…@host:port/database to connect
    /// to`); new databases are copies of `template` and admit `service_roles`.
    ///
    /// # Errors
    /// `url` cannot be read.
    pub fn new(
        url: &str,
        template: impl Into<String>,
        database_prefix: impl Into<String>,
        service_roles: Vec<String>,
    ) -> Result<Self, SettingsError> {
        let mut maintenance = connect_options("the cluster's URL for provisioning", url)?;
        if maintenance.get_database().is_none() {
            maintenance = maintenance.database("postgres");
        }
        Ok(Self {
            maintenance: maintenance
                .application_name("provisioning")
                .disable_statement_logging(),
            template: template.into(),
            database_prefix: database_prefix.into(),
            service_roles,
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
        conn.close().await?;
        done
    }

    /// Whether there is a database of this tenant that admits connections.
    pub async fn exists(&self, code: &TenantCode) -> Result<bool, ProvisionError> {
        let mut conn = self.maintenance.connect().await?;
        let found = sqlx::query("SELECT FROM pg_database WHERE datname = $1 AND datallowconn")
            .bind(self.database(code))
            .fetch_optional(&mut conn)
            .await?;
        conn.close().await?;
        Ok(found.is_some())
    }

    /// Drops the tenant's database with everything in it, ending the connections to it. Nothing to drop is fine.
    pub async fn drop(&self, code: &TenantCode) -> Result<(), ProvisionError> {
        let mut conn = self.maintenance.connect().await?;
        let database = quoted(&self.database(code));
        let done = run_assembled(
            &mut conn,
            &["DROP DATABASE IF EXISTS ", &database, " WITH (FORCE)"],
        )
        .await;
        conn.close().await?;
        Ok(done?)
    }

    async fn create_with(
        &self,
        conn: &mut PgConnection,
        code: &TenantCode,
    ) -> Result<Provisioned, ProvisionError> {
        let database = quoted(&self.database(code));
        let made = self.clone_template(conn, &database).await?;
        let everyone = ["REVOKE ALL ON DATABASE ", &database, " FROM PUBLIC"];
        run_assembled(conn, &everyone).await?;
        if !self.service_roles.is_empty() {
            let roles: Vec<String> = self.service_roles.iter().map(|role| quoted(role)).collect();
            let roles = roles.join(", ");
            let grant = ["GRANT CONNECT ON DATABASE ", &database, " TO ", &roles];
            run_assembled(conn, &grant).await?;
        }
        let open = ["ALTER DATABASE ", &database, " ALLOW_CONNECTIONS true"];
        run_assembled(conn, &open).await?;
        Ok(made)
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
                    Some("42P04") => return Ok(Provisioned::Completed),
                    Some("55006") => {
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(Duration::from_secs(1));
                    }
                    // Two replicas at once: the other's row is not committed yet.
                    Some("23505") => tokio::time::sleep(pause).await,
                    _ => return Err(error.into()),
                },
            }
        }
        Err(ProvisionError::TemplateInUse)
    }
}
