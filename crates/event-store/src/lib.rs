#![doc = include_str!("../README.md")]

mod append;
mod copy;
mod entities;
mod error;
mod event;
mod query;
mod rebuild;
mod snapshot;

use std::collections::HashMap;

use sea_orm::{DatabaseConnection, EntityTrait};
use sqlx::PgPool;

pub use append::{Appended, OffsetStep, append_batch};
pub use error::StoreError;
pub use event::{AggregateRef, LogPlace, NewEvent, StoredEvent, Unstorable};
pub use query::{Filter, Page};
pub use rebuild::{At, Fold, FoldError, Merge, Rebuilt};

/// Tables, indexes, the append-only trigger and the SQL functions; idempotent.
pub const SCHEMA: &str = include_str!("schema.sql");

/// Advisory lock held while the schema is installed and while a batch is appended: positions become visible in order, so
/// that a reader that continues after a position misses nothing.
const LOCK: i64 = 0x6576_656e_7473; // "events"

/// The store, for reading. [`append_batch`] writes, in a transaction of the caller.
#[derive(Clone, Debug)]
pub struct EventStore {
    pool: PgPool,
    db: DatabaseConnection,
    snapshot_every: u64,
}

impl EventStore {
    /// The store in this database. Stores a snapshot of an aggregate at every hundredth version.
    pub fn new(pool: PgPool) -> Self {
        Self {
            db: pool.clone().into(),
            pool,
            snapshot_every: 100,
        }
    }

    /// Stores a snapshot of an aggregate every `versions` versions; 0 for none.
    #[must_use]
    pub fn snapshot_every(mut self, versions: u64) -> Self {
        self.snapshot_every = versions;
        self
    }

    /// The database's pool.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Installs [`SCHEMA`]; idempotent.
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

    /// The offset of the next record to be read, by topic and partition. A partition that was never read is absent.
    pub async fn offsets(&self) -> Result<HashMap<(String, i32), i64>, StoreError> {
        let rows = entities::offset::Entity::find().all(&self.db).await?;
        let offsets = rows
            .into_iter()
            .map(|row| ((row.topic, row.partition), row.next_offset))
            .collect();
        Ok(offsets)
    }
}
