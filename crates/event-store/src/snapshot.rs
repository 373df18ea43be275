//! Snapshots: states worked out before. A cache; without it everything works, slower.

use serde_json::Value;
use sqlx::{Row, types::Json};
use time::OffsetDateTime;

use crate::{AggregateRef, At, EventStore, Fold, StoreError};

/// The state after a version, every version up to it taken in.
pub(crate) struct Snapshot<S> {
    pub(crate) version: i64,
    /// When the latest event in it happened.
    pub(crate) occurred_at: OffsetDateTime,
    pub(crate) state: S,
}

const NEWEST: &str = "SELECT version, occurred_at, state FROM event_snapshots
WHERE aggregate_type = $1 AND aggregate_id = $2 AND fold = $3
  AND ($4::bigint IS NULL OR version <= $4) AND ($5::timestamptz IS NULL OR occurred_at <= $5)
ORDER BY version DESC LIMIT 1";

const KEEP: &str =
    "INSERT INTO event_snapshots (aggregate_type, aggregate_id, fold, version, occurred_at, state)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";

impl EventStore {
    /// The newest snapshot that is not beyond the wanted moment.
    pub(crate) async fn snapshot<F: Fold>(
        &self,
        aggregate: AggregateRef<'_>,
        at: At,
    ) -> Result<Option<Snapshot<F>>, StoreError> {
        let (version, time) = match at {
            At::Now => (None, None),
            At::Version(version) => (Some(i64::try_from(version).unwrap_or(i64::MAX)), None),
            At::Time(time) => (None, Some(time)),
        };
        let found = sqlx::query(NEWEST)
            .bind(aggregate.ty)
            .bind(aggregate.id)
            .bind(F::NAME)
            .bind(version)
            .bind(time)
            .fetch_optional(self.pool())
            .await?;
        let Some(row) = found else {
            return Ok(None);
        };
        let Json(state): Json<Value> = row.try_get(2)?;
        // One that does not read is as good as none.
        let Ok(state) = serde_json::from_value(state) else {
            return Ok(None);
        };
        Ok(Some(Snapshot {
            version: row.try_get(0)?,
            occurred_at: row.try_get(1)?,
            state,
        }))
    }

    /// Keeps a snapshot; one that cannot be kept is no error of the reader.
    pub(crate) async fn keep_snapshot<F: Fold>(
        &self,
        aggregate: AggregateRef<'_>,
        snapshot: &Snapshot<Value>,
    ) {
        let kept = sqlx::query(KEEP)
            .bind(aggregate.ty)
            .bind(aggregate.id)
            .bind(F::NAME)
            .bind(snapshot.version)
            .bind(snapshot.occurred_at)
            .bind(Json(&snapshot.state))
            .execute(self.pool())
            .await;
        if let Err(error) = kept {
            tracing::warn!(%error, aggregate = aggregate.ty, "snapshot not kept");
        }
    }
}
