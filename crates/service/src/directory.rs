//! Maintains the service's copy of the tenant directory from `tenant.events`.

use event_bus::{Failure, Record};
use tenancy::{Datasources, Directory, TenantSnapshot, TenantStatus};

use crate::{AnyEventHandler, EventConsumer, Runtime, StoreError, Tx};

/// The topic of tenant events. Each carries the whole of [`TenantSnapshot`].
const TOPIC: &str = "tenant.events";

struct DirectoryProjection {
    directory: Directory,
    datasources: Option<Datasources>,
}

impl AnyEventHandler for DirectoryProjection {
    async fn handle(&self, record: &Record, tx: &mut Tx) -> Result<(), Failure> {
        let payload = record.decode_json().await?;
        let snapshot: TenantSnapshot =
            serde_json::from_value(payload).map_err(Failure::permanent)?;
        let stored = Directory::apply(tx, &snapshot)
            .await
            .map_err(StoreError::from)?;
        if stored
            && matches!(
                snapshot.status,
                TenantStatus::Suspended | TenantStatus::Deleted
            )
        {
            self.close_pool(&snapshot).await;
        }
        self.directory
            .invalidate(snapshot.tenant_id, &snapshot.code)
            .await;
        Ok(())
    }
}

impl DirectoryProjection {
    /// Closes the pool of a tenant that may not be used any more. Transactions in progress finish; one that begins before
    /// this event is committed opens the pool again, and idle eviction closes it later.
    async fn close_pool(&self, snapshot: &TenantSnapshot) {
        if let Some(datasources) = &self.datasources
            && let Ok(Some(tenant)) = self.directory.by_id(snapshot.tenant_id).await
        {
            datasources.close_pool(&tenant).await;
        }
    }
}

impl Runtime {
    /// Follows `tenant.events`; needed by every service that resolves tenants from requests or events.
    pub fn follow_tenants(&self) {
        let projection = DirectoryProjection {
            directory: self.directory().clone(),
            datasources: self.datasources().ok().cloned(),
        };
        let group = format!("{}-tenant-directory-consumer", self.name());
        EventConsumer::any_in_platform(self, group, &[TOPIC], projection).start();
    }
}
