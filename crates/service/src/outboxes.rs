//! The outboxes of this service: one in its platform database, one in each tenant database.

use std::sync::Arc;

use async_trait::async_trait;
use outbox::{DirtyOutboxes, OutboxId, Outboxes, SourceError, Sweep};
use sqlx::{PgPool, Postgres, pool::PoolConnection};
use tenancy::{Datasources, Directory, TenantId};

/// The id of the platform database's outbox; a tenant's outbox has the tenant's id.
pub(crate) const PLATFORM: &str = "platform";

/// Page size of a full sweep over the tenants.
const PAGE: u32 = 500;

pub(crate) struct ServiceOutboxes {
    pub platform: PgPool,
    pub datasources: Option<Datasources>,
    pub directory: Directory,
    pub dirty_outboxes: Arc<DirtyOutboxes>,
}

#[async_trait]
impl Outboxes for ServiceOutboxes {
    async fn candidates(&self, sweep: Sweep) -> Result<Vec<OutboxId>, SourceError> {
        let mut found = vec![PLATFORM.into()];
        match sweep {
            Sweep::Dirty => found.extend(self.dirty_outboxes.list().await?),
            Sweep::All if self.datasources.is_some() => {
                let mut after = None;
                loop {
                    let page = self.directory.active(after, PAGE).await?;
                    let Some(last) = page.last() else { break };
                    after = Some(last.id);
                    found.extend(
                        page.iter()
                            .map(|tenant| OutboxId::from(tenant.id.to_string())),
                    );
                }
            }
            Sweep::All => {}
        }
        Ok(found)
    }

    async fn open(&self, outbox: &OutboxId) -> Result<PoolConnection<Postgres>, SourceError> {
        if outbox.as_str() == PLATFORM {
            return Ok(self.platform.acquire().await?);
        }
        let id: TenantId = outbox.as_str().parse()?;
        let tenant = self.directory.by_id(id).await?.ok_or("no such tenant")?;
        let datasources = self
            .datasources
            .as_ref()
            .ok_or("this service has no tenant databases")?;
        Ok(datasources.acquire(&tenant).await?)
    }

    async fn mark_clean(&self, outbox: &OutboxId) -> Result<(), SourceError> {
        if outbox.as_str() != PLATFORM {
            self.dirty_outboxes.clear(outbox).await?;
        }
        Ok(())
    }
}
