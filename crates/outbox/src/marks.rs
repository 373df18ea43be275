//! Which outboxes may hold rows, remembered across a crash.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::PgPool;

use crate::OutboxId;

const MARK: &str = "INSERT INTO outbox_mark (outbox, marked_at) VALUES ($1, now())
     ON CONFLICT (outbox) DO UPDATE SET marked_at = excluded.marked_at";
const MARKED: &str = "SELECT outbox FROM outbox_mark ORDER BY marked_at LIMIT 10000";
const CLEAR: &str =
    "DELETE FROM outbox_mark WHERE outbox = $1 AND marked_at < now() - make_interval(secs => $2)";

/// A mark is written anew at most this often for one outbox by one process.
const REMARK_AFTER: Duration = Duration::from_secs(10);
/// A mark is cleared when the outbox was found empty this long after it was written: longer than [`REMARK_AFTER`]
/// and the longest transaction together, so no row can come to light behind a cleared mark.
const CLEAR_AFTER: Duration = Duration::from_mins(1);
/// Above this many remembered outboxes the memory starts afresh; the cost is a few writes.
const REMEMBERED: usize = 20_000;

/// The durable list of outboxes with possibly waiting rows, in a service's platform database.
#[derive(Debug)]
pub struct Marks {
    pool: PgPool,
    recent: Mutex<HashMap<OutboxId, Instant>>,
}

impl Marks {
    /// Marks kept in `pool`, where [`crate::MARKS_SCHEMA`] was run.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            recent: Mutex::default(),
        }
    }

    /// Notes that `outbox` may hold rows soon. Call it before the transaction begins that may append.
    ///
    /// # Errors
    /// Whatever the database answers.
    pub async fn mark(&self, outbox: &OutboxId) -> Result<(), sqlx::Error> {
        if self.marked_within(outbox, REMARK_AFTER) {
            return Ok(());
        }
        sqlx::query(MARK)
            .bind(outbox.as_str())
            .execute(&self.pool)
            .await?;
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= REMEMBERED {
            recent.clear();
        }
        recent.insert(outbox.clone(), Instant::now());
        Ok(())
    }

    /// The marked outboxes, longest marked first.
    ///
    /// # Errors
    /// Whatever the database answers.
    pub async fn marked(&self) -> Result<Vec<OutboxId>, sqlx::Error> {
        let names: Vec<String> = sqlx::query_scalar(MARKED).fetch_all(&self.pool).await?;
        Ok(names.into_iter().map(OutboxId::from).collect())
    }

    /// Takes the mark of an outbox away that was just found empty, unless the mark is too young to be sure.
    ///
    /// # Errors
    /// Whatever the database answers.
    pub async fn clear(&self, outbox: &OutboxId) -> Result<(), sqlx::Error> {
        if self.marked_within(outbox, CLEAR_AFTER) {
            return Ok(()); // the database would refuse; spare it the question
        }
        sqlx::query(CLEAR)
            .bind(outbox.as_str())
            .bind(CLEAR_AFTER.as_secs_f64())
            .execute(&self.pool)
            .await
            .map(drop)
    }

    fn marked_within(&self, outbox: &OutboxId, age: Duration) -> bool {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.get(outbox).is_some_and(|at| at.elapsed() < age)
    }
}
