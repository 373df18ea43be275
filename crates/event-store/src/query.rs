//! Queries over stored events.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    AggregateRef, EventStore, StoreError, StoredEvent,
    entities::event::{Column, Entity},
};

/// Which events to find; `None` matches every event.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this tenant.
    pub tenant_id: Option<Uuid>,
    /// Of this type.
    pub event_type: Option<String>,
    /// Of this aggregate type.
    pub aggregate_type: Option<String>,
    /// Of the aggregate with this id.
    pub aggregate_id: Option<String>,
    /// With this correlation id.
    pub correlation_id: Option<Uuid>,
    /// That occurred at this time or later.
    pub from: Option<OffsetDateTime>,
    /// That occurred before this time.
    pub to: Option<OffsetDateTime>,
    /// Stored after this position.
    pub after: Option<i64>,
}

/// A page of events, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The events.
    pub events: Vec<StoredEvent>,
    /// [`Filter::after`] of the next page; `None` if there is none yet.
    pub next: Option<i64>,
}

impl EventStore {
    /// The first `limit` events that match the filter, in the order in which they were stored.
    pub async fn query(&self, filter: &Filter, limit: u32) -> Result<Page, StoreError> {
        let matches = Condition::all()
            .add(Column::Position.gt(filter.after.unwrap_or(0)))
            .add_option(filter.tenant_id.map(|id| Column::TenantId.eq(id)))
            .add_option(
                filter
                    .event_type
                    .as_deref()
                    .map(|ty| Column::EventType.eq(ty)),
            )
            .add_option(
                filter
                    .aggregate_type
                    .as_deref()
                    .map(|ty| Column::AggregateType.eq(ty)),
            )
            .add_option(
                filter
                    .aggregate_id
                    .as_deref()
                    .map(|id| Column::AggregateId.eq(id)),
            )
            .add_option(filter.correlation_id.map(|id| Column::CorrelationId.eq(id)))
            .add_option(filter.from.map(|from| Column::OccurredAt.gte(from)))
            .add_option(filter.to.map(|to| Column::OccurredAt.lt(to)));
        let rows = Entity::find()
            .filter(matches)
            .order_by_asc(Column::Position)
            .limit(u64::from(limit) + 1)
            .all(&self.db)
            .await?;
        let mut events: Vec<StoredEvent> = rows
            .into_iter()
            .map(StoredEvent::try_from)
            .collect::<Result<_, _>>()?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = events.len() > wanted;
        events.truncate(wanted);
        let next = events.last().filter(|_| more).map(|last| last.position);
        Ok(Page { events, next })
    }

    /// The events of one aggregate from a version on, oldest first. Those without a version (sequence 0) come first.
    pub async fn load(
        &self,
        aggregate: AggregateRef<'_>,
        from_version: u64,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let from_version = i64::try_from(from_version).unwrap_or(i64::MAX);
        let rows = Entity::find()
            .filter(Column::AggregateType.eq(aggregate.ty))
            .filter(Column::AggregateId.eq(aggregate.id))
            .filter(Column::Version.gte(from_version))
            .order_by_asc(Column::Version)
            .order_by_asc(Column::Position)
            .all(&self.db)
            .await?;
        rows.into_iter().map(StoredEvent::try_from).collect()
    }
}
