//! Outboxes that are schemas of one database.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use outbox::{OutboxId, Outboxes, SourceError, Sweep};
use sqlx::{
    PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::Notify;

use super::rows;
use crate::place::Place;

/// More than a relay has looks going on here.
const CONNECTIONS: u32 = 24;
const ENTER: &str = "SELECT set_config('search_path', $1, false)";

/// All of them full at first, and so marked.
pub struct Schemas {
    pool: PgPool,
    all: Vec<OutboxId>,
    full: Mutex<HashSet<OutboxId>>,
    empty: Notify,
}

impl Schemas {
    /// The outboxes of these names.
    pub fn of(place: &Place, names: &[String]) -> anyhow::Result<Self> {
        let options: PgConnectOptions = place.postgres.parse()?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .test_before_acquire(false)
            .connect_lazy_with(options.database(&rows::database(place)));
        let all: Vec<OutboxId> = names
            .iter()
            .map(|name| OutboxId::from(name.as_str()))
            .collect();
        Ok(Self {
            pool,
            full: Mutex::new(all.iter().cloned().collect()),
            all,
            empty: Notify::new(),
        })
    }

    /// Waits until each was found empty.
    pub async fn empty(&self) {
        self.empty.notified().await;
    }
}

#[async_trait]
impl Outboxes for Schemas {
    async fn candidates(&self, sweep: Sweep) -> Result<Vec<OutboxId>, SourceError> {
        Ok(match sweep {
            Sweep::All => self.all.clone(),
            Sweep::Marked => {
                let full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
                full.iter().cloned().collect()
            }
        })
    }

    async fn open(&self, outbox: &OutboxId) -> Result<PoolConnection<Postgres>, SourceError> {
        let mut conn = self.pool.acquire().await?;
        sqlx::query(ENTER)
            .bind(outbox.as_str())
            .execute(&mut *conn)
            .await?;
        Ok(conn)
    }

    async fn drained(&self, outbox: &OutboxId) -> Result<(), SourceError> {
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        if full.remove(outbox) && full.is_empty() {
            self.empty.notify_one();
        }
        Ok(())
    }
}
