//! Snapshots of aggregate states: a cache, which may be emptied at any time.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde_json::Value;
use time::OffsetDateTime;

use crate::{
    AggregateRef, At, EventStore, Fold, StoreError,
    entities::snapshot::{ActiveModel, Column, Entity},
};

/// The state after a version, with every version up to it applied.
pub(crate) struct Snapshot<S> {
    pub(crate) version: i64,
    /// The time of the latest event in it.
    pub(crate) occurred_at: OffsetDateTime,
    pub(crate) state: S,
}

impl EventStore {
    /// The newest snapshot that is not later than the requested moment.
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
        let mut usable = Entity::find()
            .filter(Column::AggregateType.eq(aggregate.ty))
            .filter(Column::AggregateId.eq(aggregate.id))
            .filter(Column::Fold.eq(F::NAME));
        if let Some(version) = version {
            usable = usable.filter(Column::Version.lte(version));
        }
        if let Some(time) = time {
            usable = usable.filter(Column::OccurredAt.lte(time));
        }
        let newest = usable.order_by_desc(Column::Version).one(&self.db).await?;
        // A snapshot that cannot be read is ignored: it is a cache.
        Ok(newest.and_then(|row| {
            Some(Snapshot {
                version: row.version,
                occurred_at: row.occurred_at,
                state: serde_json::from_value(row.state).ok()?,
            })
        }))
    }

    /// Stores a snapshot; a failure is logged and no error of the reader.
    pub(crate) async fn keep_snapshot<F: Fold>(
        &self,
        aggregate: AggregateRef<'_>,
        snapshot: &Snapshot<Value>,
    ) {
        let row = ActiveModel {
            aggregate_type: Set(aggregate.ty.to_owned()),
            aggregate_id: Set(aggregate.id.to_owned()),
            fold: Set(F::NAME.to_owned()),
            version: Set(snapshot.version),
            occurred_at: Set(snapshot.occurred_at),
            state: Set(snapshot.state.clone()),
            ..ActiveModel::default()
        };
        let kept = Entity::insert(row)
            .on_conflict_do_nothing()
            .exec_without_returning(&self.db)
            .await;
        if let Err(error) = kept {
            tracing::warn!(%error, aggregate = aggregate.ty, "snapshot not stored");
        }
    }
}
