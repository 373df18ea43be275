//! Changes of products drop what is cached of them, even when the process that made the change died before it could.

use async_trait::async_trait;
use cache::Cache;
use event_bus::{Event, Failure, Handler, Record};
use events::order::{ProductCreated, ProductDeleted, ProductStockChanged, ProductUpdated};

use crate::{App, store::products::PRODUCTS};

struct Forget {
    cache: Cache,
}

/// Dropping twice is harmless, so no inbox row is spent on it.
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
