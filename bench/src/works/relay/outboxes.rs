//! The outboxes of a turn, full at first, and who finds the last of them empty.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use outbox::{OutboxId, Outboxes, SourceError, Sweep};
use sqlx::{Postgres, pool::PoolConnection};
use tokio::sync::Notify;

use super::rows::DATABASE;
use crate::{
    place::Place,
    works::outboxes::{self, Schemas},
};

/// Outboxes that are marked until they are found empty.
pub struct Full {
    schemas: Arc<Schemas>,
    marked: Mutex<HashSet<OutboxId>>,
    empty: Notify,
}

impl Full {
    /// The first `count` outboxes.
    pub fn open(place: &Place, count: usize) -> anyhow::Result<Self> {
        let names = (0..count).map(|number| outboxes::name(number).into());
        Ok(Self {
            schemas: Schemas::open(place, DATABASE, count)?,
            marked: Mutex::new(names.collect()),
            empty: Notify::new(),
        })
    }

    /// Waits until each was found empty.
    pub async fn empty(&self) {
        self.empty.notified().await;
    }
}

#[async_trait]
impl Outboxes for Full {
    async fn candidates(&self, sweep: Sweep) -> Result<Vec<OutboxId>, SourceError> {
        match sweep {
            Sweep::All => self.schemas.candidates(sweep).await,
            Sweep::Dirty => {
                let marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(marked.iter().cloned().collect())
            }
        }
    }

    async fn open(&self, outbox: &OutboxId) -> Result<PoolConnection<Postgres>, SourceError> {
        self.schemas.open(outbox).await
    }

    async fn mark_clean(&self, outbox: &OutboxId) -> Result<(), SourceError> {
        let mut marked = self.marked.lock().unwrap_or_else(PoisonError::into_inner);
        if marked.remove(outbox) && marked.is_empty() {
            self.empty.notify_one();
        }
        Ok(())
    }
}
