//! Creation of tenant databases in the background.

use std::{collections::HashMap, sync::Arc};

use service::{Context, LeasedJob, Runtime, StoreError};
use tenancy::{
    ClusterName,
    provision::{ProvisionError, Provisioner},
};

use super::apply_changes::apply_changes;
use crate::{
    domain::Tenant,
    settings::ProvisioningSettings,
    store::{
        provisioning::{self, DueDatabase},
        tenants,
    },
};

/// Creates the databases of new tenants. A failed attempt is repeated after a pause, for ever; after some attempts the
/// tenant is marked as failed until one succeeds.
#[derive(Clone)]
pub struct DatabaseProvisioning {
    runtime: Runtime,
    provisioners: Arc<HashMap<ClusterName, Provisioner>>,
    settings: ProvisioningSettings,
}

impl LeasedJob for DatabaseProvisioning {
    const NAME: &'static str = "provisioning";
    type Item = DueDatabase;

    async fn lease(&self, limit: u32) -> Result<Vec<DueDatabase>, StoreError> {
        provisioning::lease(&self.runtime.platform_db(), limit, self.settings.lease).await
    }

    async fn run(&self, due: DueDatabase) -> Result<(), StoreError> {
        let found = tenants::find_by_id(&self.runtime.platform_db(), due.tenant_id).await?;
        let Some(tenant) = found else { return Ok(()) };
        match self.create_database(&tenant).await {
            Ok(()) => self.succeeded(due).await,
            Err(reason) => {
                tracing::warn!(tenant = %tenant.code, reason, attempt = due.attempts, "tenant database not created, trying again later");
                self.failed(due, reason).await
            }
        }
    }
}

impl DatabaseProvisioning {
    /// The job over these clusters.
    pub fn new(
        runtime: Runtime,
        provisioners: HashMap<ClusterName, Provisioner>,
        settings: ProvisioningSettings,
    ) -> Self {
        Self {
            runtime,
            provisioners: Arc::new(provisioners),
            settings,
        }
    }

    /// Creates the database. The error is a text for the platform administrator.
    async fn create_database(&self, tenant: &Tenant) -> Result<(), String> {
        let cluster = &tenant.cluster;
        let timeout = self.settings.timeout;
        let provisioner = self
            .provisioners
            .get(cluster)
            .ok_or_else(|| format!("cluster {cluster} has no address in TENANTRY_CLUSTERS"))?;
        match tokio::time::timeout(timeout, provisioner.create(&tenant.code)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(ProvisionError::Unavailable(_))) => {
                Err(format!("cluster {cluster} cannot be reached"))
            }
            Ok(Err(ProvisionError::Rejected(sqlx::Error::Database(error)))) => {
                Err(format!("cluster {cluster} refused: {}", error.message()))
            }
            Ok(Err(error)) => Err(format!("cluster {cluster}: {error}")),
            Err(_) => Err(format!("cluster {cluster} took longer than {timeout:?}")),
        }
    }

    async fn succeeded(&self, due: DueDatabase) -> Result<(), StoreError> {
        let mut tx = self.runtime.platform(context(due)).begin().await?;
        if let Some(mut tenant) = tenants::lock(&tx, due.tenant_id).await? {
            let change = tenant.database_created();
            apply_changes(&mut tx, &mut tenant, change).await?;
        }
        provisioning::delete(&tx, due.tenant_id).await?;
        tx.commit().await
    }

    async fn failed(&self, due: DueDatabase, reason: String) -> Result<(), StoreError> {
        let mut tx = self.runtime.platform(context(due)).begin().await?;
        if let Some(mut tenant) = tenants::lock(&tx, due.tenant_id).await?
            && due.attempts >= self.settings.attempts_until_failed
            && let Some(change) = tenant.database_failed(reason.clone())
        {
            apply_changes(&mut tx, &mut tenant, Some(change)).await?;
        }
        let backoff = self.settings.backoff(due.attempts);
        provisioning::postpone(&tx, due.tenant_id, backoff, &reason).await?;
        tx.commit().await
    }
}

fn context(due: DueDatabase) -> Context {
    Context {
        correlation_id: due.correlation_id,
        ..Context::background()
    }
}
