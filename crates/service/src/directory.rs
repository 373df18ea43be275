//! Keeping the service's copy of the tenant directory up to date from `tenant.events`.

use event_bus::{Failure, Record};
use tenancy::{Datasources, Directory, TenantFacts, TenantStatus};

use crate::{AnyEventHandler, EventConsumer, Runtime, StoreError, Tx};

/// The topic that tells of tenants. Every event on it carries the whole of [`TenantFacts`].
const TOPIC: &str = "tenant.events";

struct Copy {
    directory: Directory,
    datasources: Option<Datasources>,
}

impl AnyEventHandler for Copy {
    async fn handle(&self, record: &Record, tx: &mut Tx) -> Result<(), Failure> {
        let payload = record.decode_json().await?;
        let facts: TenantFacts = serde_json::from_value(payload).map_err(Failure::permanent)?;
        let news = Directory::apply(tx.conn(), &facts)
            .await
            .map_err(StoreError::from)?;
        if news
            && matches!(
                facts.status,
                TenantStatus::Suspended | TenantStatus::Deleted
            )
        {
            self.close_pool(&facts).await;
        }
        self.directory.forget(facts.tenant_id, &facts.code).await;
        Ok(())
    }
}

impl Copy {
    /// A tenant that may not be used needs no connections. What is under way ends; one that begins before this event is
    /// committed opens the pool anew, and it goes when it is idle.
    async fn close_pool(&self, facts: &TenantFacts) {
        if let Some(datasources) = &self.datasources
            && let Ok(Some(tenant)) = self.directory.by_id(facts.tenant_id).await
        {
            datasources.forget(&tenant).await;
        }
    }
}

impl Runtime {
    /// Follows the tenants: needed by every service that resolves one from a request or an event.
    pub fn follow_tenants(&self) {
        let copy = Copy {
            directory: self.directory().clone(),
            datasources: self.datasources().ok().cloned(),
        };
        let group = format!("{}-tenant-directory-consumer", self.name());
        EventConsumer::any_in_platform(self, group, &[TOPIC], copy).start();
    }
}
