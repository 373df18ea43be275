//! Keeping the service's copy of the tenant directory up to date from `tenant.events`.

use event_bus::{Failure, Record};
use tenancy::{Directory, TenantFacts};

use crate::{EventConsumer, HandlesAny, Runtime, StoreError, Tx};

/// The topic that tells of tenants. Every event on it carries the whole of [`TenantFacts`].
const TOPIC: &str = "tenant.events";

struct Copy {
    directory: Directory,
}

impl HandlesAny for Copy {
    async fn handle(&self, record: &Record, tx: &mut Tx) -> Result<(), Failure> {
        let payload = record.decode_json().await?;
        let facts: TenantFacts = serde_json::from_value(payload).map_err(Failure::permanent)?;
        Directory::apply(tx.conn(), &facts)
            .await
            .map_err(StoreError::from)?;
        self.directory.forget(facts.tenant_id, &facts.code).await;
        Ok(())
    }
}

impl Runtime {
    /// Follows the tenants: needed by every service that resolves one from a request or an event.
    pub fn follow_tenants(&self) {
        let copy = Copy {
            directory: self.directory().clone(),
        };
        let group = format!("{}-tenant-directory-consumer", self.name());
        EventConsumer::any_in_platform(self, group, &[TOPIC], copy).start();
    }
}
