//! Invalidates cached products from product events, in case the process that made the change died before it could.

use async_trait::async_trait;
use cache::Cache;
use event_bus::{Event, Failure, Handler, Record};
use events::order::{ProductCreated, ProductDeleted, ProductStockChanged, ProductUpdated};

use crate::{App, store::products::PRODUCTS};

struct Forget {
    cache: Cache,
}

/// Invalidation is idempotent, so it needs no inbox row.
pub(super) fn start(app: &App) {
    let forget = Forget {
        cache: app.runtime.cache().clone(),
    };
    app.runtime
        .consume("order-cache-consumer", &[ProductCreated::TOPIC], forget);
}

#[async_trait]
impl Handler for Forget {
    fn wants(&self, event_type: &str) -> bool {
        [
            ProductCreated::TYPE,
            ProductUpdated::TYPE,
            ProductDeleted::TYPE,
            ProductStockChanged::TYPE,
        ]
        .contains(&event_type)
    }

    async fn handle(&self, record: &Record) -> Result<(), Failure> {
        if let Some(tenant) = &record.envelope.tenant {
            self.cache.invalidate(tenant.id, PRODUCTS).await;
        }
        Ok(())
    }
}
