//! The durable set of outboxes that may hold unpublished rows.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::PgPool;

use crate::OutboxId;

const MARK: &str = "INSERT INTO outbox_mark (outbox, marked_at) VALUES ($1, now())
     ON CONFLICT (outbox) DO UPDATE SET marked_at = excluded.marked_at";
const LIST: &str = "SELECT outbox FROM outbox_mark ORDER BY marked_at LIMIT 10000";
const CLEAR: &str =
    "DELETE FROM outbox_mark WHERE outbox = $1 AND marked_at < now() - make_interval(secs => $2)";

/// Minimum interval between two writes of the mark of one outbox by one process.
const REFRESH_INTERVAL: Duration = Duration::from_secs(10);
/// Minimum age of a mark before it may be cleared. Longer than [`REFRESH_INTERVAL`] plus the longest transaction, so no
/// row can become visible after its mark was cleared.
const MIN_AGE_TO_CLEAR: Duration = Duration::from_mins(1);
/// Capacity of the in-memory cache of recent marks. The cache is emptied when full, at the cost of a few writes.
const CACHE_CAPACITY: usize = 20_000;

/// The durable set of outboxes that may hold unpublished rows, stored in the platform database of a service.
///
/// After a crash, the relay sweeps these outboxes instead of connecting to every tenant's database.
#[derive(Debug)]
pub struct DirtyOutboxes {
    pool: PgPool,
    recent: Mutex<HashMap<OutboxId, Instant>>,
}

impl DirtyOutboxes {
    /// Creates a set stored in `pool`, where [`crate::DIRTY_OUTBOXES_SCHEMA`] was executed.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            recent: Mutex::default(),
        }
    }

    /// Marks `outbox` as dirty. Call it before beginning a transaction that may append to the outbox.
    pub async fn mark(&self, outbox: &OutboxId) -> Result<(), sqlx::Error> {
        if self.marked_within(outbox, REFRESH_INTERVAL) {
            return Ok(());
        }
        sqlx::query(MARK)
            .bind(outbox.as_str())
            .execute(&self.pool)
            .await?;
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= CACHE_CAPACITY {
            recent.clear();
        }
        recent.insert(outbox.clone(), Instant::now());
        Ok(())
    }

    /// Returns the dirty outboxes, oldest mark first, at most 10 000.
    pub async fn list(&self) -> Result<Vec<OutboxId>, sqlx::Error> {
        let names: Vec<String> = sqlx::query_scalar(LIST).fetch_all(&self.pool).await?;
        Ok(names.into_iter().map(OutboxId::from).collect())
    }

    /// Clears the mark of an outbox that was just found empty, unless the mark is less than a minute old.
    pub async fn clear(&self, outbox: &OutboxId) -> Result<(), sqlx::Error> {
        if self.marked_within(outbox, MIN_AGE_TO_CLEAR) {
            return Ok(()); // the statement would delete nothing
        }
        sqlx::query(CLEAR)
            .bind(outbox.as_str())
            .bind(MIN_AGE_TO_CLEAR.as_secs_f64())
            .execute(&self.pool)
            .await
            .map(drop)
    }

    fn marked_within(&self, outbox: &OutboxId, age: Duration) -> bool {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.get(outbox).is_some_and(|at| at.elapsed() < age)
    }
}
