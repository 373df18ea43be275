//! Opens the resources of a runtime.

use std::{sync::Arc, time::Duration};

use auth::ServiceTokens;
use secrecy::ExposeSecret;
use sqlx::{
    PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tenancy::{ClusterUrls, DatasourceSettings, Datasources, NoTenantSource, TenantSource};

use crate::{
    ServiceClient, Settings, StartError, schema, settings::InvalidSetting,
    tenant_source::HttpTenantSource,
};

/// How long to wait for the database at the start.
const START_DEADLINE: Duration = Duration::from_secs(30);

pub(super) async fn platform(name: &str, settings: &Settings) -> Result<PgPool, StartError> {
    let options: PgConnectOptions = settings
        .database
        .expose_secret()
        .parse()
        .map_err(|error| InvalidSetting::new("TENANTRY_DATABASE", error))?;
    let options = options.application_name(name).options([
        ("statement_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "70s"),
    ]);
    let pool = PgPoolOptions::new()
        .max_connections(settings.platform_connections)
        .acquire_timeout(Duration::from_secs(3))
        .connect_lazy_with(options);
    let deadline = tokio::time::Instant::now() + START_DEADLINE;
    loop {
        match pool.acquire().await {
            Ok(_) => return Ok(pool),
            Err(error) if tokio::time::Instant::now() < deadline => {
                tracing::warn!(%error, "platform database does not answer yet");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Err(error) => {
                return Err(StartError::dependency(
                    "the database of TENANTRY_DATABASE does not answer",
                    error,
                ));
            }
        }
    }
}

pub(super) async fn migrate_platform(pool: &PgPool, own: &Migrator) -> Result<(), StartError> {
    let failed = |error| StartError::dependency("the platform database cannot be migrated", error);
    let mut conn = pool.acquire().await.map_err(failed)?;
    schema::migrate_platform(&mut conn, own)
        .await
        .map_err(failed)
}

/// Migrates this service's schema in the template database of each cluster, from which new tenants are cloned.
pub(super) async fn migrate_template(
    name: &str,
    settings: &Settings,
    own: &Migrator,
) -> Result<(), StartError> {
    for (cluster, base) in &settings.clusters.0 {
        let failed = |error: sqlx::Error| {
            StartError::dependency(
                format!(
                    "the template {} on cluster {cluster} cannot be migrated",
                    settings.template
                ),
                error,
            )
        };
        let mut conn = tenancy::template::connect(base, &settings.template, name)
            .await
            .map_err(failed)?;
        schema::migrate_tenant(&mut conn, own)
            .await
            .map_err(failed)?;
    }
    Ok(())
}

pub(super) fn datasources(
    name: &'static str,
    settings: &Settings,
) -> Result<Datasources, StartError> {
    let clusters: ClusterUrls = settings
        .clusters
        .0
        .iter()
        .map(|(cluster, url)| (cluster.clone(), url.clone()))
        .collect();
    let datasources = DatasourceSettings {
        database_prefix: settings.database_prefix.clone(),
        max_pools: settings.tenant_pools,
        connections_per_pool: settings.tenant_connections,
        ..DatasourceSettings::new(clusters)
    };
    Datasources::new(&datasources, name, name)
        .map_err(|error| InvalidSetting::new("TENANTRY_CLUSTERS", error).into())
}

/// The tenant service owns the directory; all others ask it for tenants whose events they have not read yet.
pub(super) fn tenant_source(
    name: &str,
    settings: &Settings,
    tokens: &ServiceTokens,
) -> Result<Arc<dyn TenantSource>, StartError> {
    if name == "tenant" {
        return Ok(Arc::new(NoTenantSource));
    }
    let client = ServiceClient::new(
        "TENANTRY_TENANT_URL",
        &settings.tenant_url,
        HttpTenantSource::TIMEOUT,
        tokens.clone(),
    )?;
    Ok(Arc::new(HttpTenantSource(client)))
}
