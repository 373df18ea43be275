#![doc = include_str!("../README.md")]

mod append;
mod copy;
mod error;
mod event;
mod query;
mod rebuild;
mod snapshot;

use std::collections::HashMap;

use sqlx::{PgPool, Row};

pub use append::{Appended, OffsetStep, append_batch};
pub use error::StoreError;
pub use event::{AggregateRef, LogPlace, NewEvent, StoredEvent, Unstorable};
pub use query::{Filter, Page};
pub use rebuild::{At, Fold, FoldError, Merge, Rebuilt};

/// Tables, indexes, the append-only trigger and the SQL functions; idempotent.
pub const SCHEMA: &str = include_str!("../../../kafka/event-sourcing/event-store-schema.sql");

/// Held while the schema is made and while a batch is appended, so that positions become visible in
/// their order and a reader who goes on after a position misses nothing.
const LOCK: i64 = 0x6576_656e_7473; // "events"

/// The store, for reading. Writing is [`append_batch`], in a transaction of the caller's.
#[derive(Clone, Debug)]
pub struct EventStore {
    pool: PgPool,
    snapshot_every: u64,
}

impl EventStore {
    /// The store in this database, which keeps a snapshot of an aggregate at every hundredth version.
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            snapshot_every: 100,
        }
    }

    /// Keeps a snapshot of an aggregate at every so many versions; 0: none.
    #[must_use]
    pub fn snapshot_every(mut self, versions: u64) -> Self {
        self.snapshot_every = versions;
        self
    }

    /// The database's pool.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Makes what [`SCHEMA`] says and is not there yet.
    pub async fn install(&self) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(LOCK)
            .execute(&mut *tx)
            .await?;
        sqlx::raw_sql(SCHEMA).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The offset of the next record to be read, by topic and partition. What is not in it was never read.
    pub async fn offsets(&self) -> Result<HashMap<(String, i32), i64>, StoreError> {
        let rows = sqlx::query("SELECT topic, partition, next_offset FROM projection_offset")
            .fetch_all(&self.pool)
            .await?;
        let mut offsets = HashMap::with_capacity(rows.len());
        for row in rows {
            offsets.insert((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?);
        }
        Ok(offsets)
    }
}
