//! The outboxes of a turn, and the detection that all are empty.

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
    environment::Environment,
    works::outboxes::{self, Schemas},
};

/// Outboxes that are dirty until they are found empty.
pub struct Full {
    schemas: Arc<Schemas>,
    marked: Mutex<HashSet<OutboxId>>,
    empty: Notify,
}

impl Full {
    /// Creates the first `count` outboxes.
    pub fn open(environment: &Environment, count: usize) -> anyhow::Result<Self> {
        let names = (0..count).map(|number| outboxes::name(number).into());
        Ok(Self {
            schemas: Schemas::open(environment, DATABASE, count)?,
            marked: Mutex::new(names.collect()),
            empty: Notify::new(),
        })
    }

    /// Waits until all were found empty.
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
