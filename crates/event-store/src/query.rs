//! Looking for events.

use futures::TryStreamExt;
use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{AggregateRef, EventStore, StoreError, StoredEvent, event::COLUMNS};

/// Which events; what is not said does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this tenant.
    pub tenant_id: Option<Uuid>,
    /// Of this type.
    pub event_type: Option<String>,
    /// About this kind of thing.
    pub aggregate_type: Option<String>,
    /// About the thing of this id.
    pub aggregate_id: Option<String>,
    /// Following from this request.
    pub correlation_id: Option<Uuid>,
    /// Not before.
    pub from: Option<OffsetDateTime>,
    /// Before.
    pub to: Option<OffsetDateTime>,
    /// Stored after this position.
    pub after: Option<i64>,
}

/// Some of the events found, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The events.
    pub events: Vec<StoredEvent>,
    /// [`Filter::after`] for the next page; `None` if there is none yet.
    pub next: Option<i64>,
}

impl EventStore {
    /// The first `limit` events that fit the filter, in the order they were stored.
    pub async fn query(&self, filter: &Filter, limit: u32) -> Result<Page, StoreError> {
        let mut sql: QueryBuilder<Postgres> = QueryBuilder::new("SELECT ");
        sql.push(COLUMNS)
            .push(" FROM event_store WHERE position > ")
            .push_bind(filter.after.unwrap_or(0));
        if let Some(tenant) = filter.tenant_id {
            sql.push(" AND tenant_id = ").push_bind(tenant);
        }
        if let Some(event_type) = &filter.event_type {
            sql.push(" AND event_type = ").push_bind(event_type);
        }
        if let Some(aggregate) = &filter.aggregate_type {
            sql.push(" AND aggregate_type = ").push_bind(aggregate);
        }
        if let Some(id) = &filter.aggregate_id {
            sql.push(" AND aggregate_id = ").push_bind(id);
        }
        if let Some(correlation) = filter.correlation_id {
            sql.push(" AND correlation_id = ").push_bind(correlation);
        }
        if let Some(from) = filter.from {
            sql.push(" AND occurred_at >= ").push_bind(from);
        }
        if let Some(to) = filter.to {
            sql.push(" AND occurred_at < ").push_bind(to);
        }
        sql.push(" ORDER BY position LIMIT ")
            .push_bind(i64::from(limit) + 1);

        let rows = sql.build().fetch_all(self.pool()).await?;
        let mut events = (rows.iter())
            .map(StoredEvent::read)
            .collect::<Result<Vec<_>, _>>()?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = events.len() > wanted;
        events.truncate(wanted);
        let next = events.last().filter(|_| more).map(|last| last.position);
        Ok(Page { events, next })
    }

    /// The events of one aggregate from a version on, oldest first. Those without a version (sequence
    /// 0) come first.
    pub async fn load(
        &self,
        aggregate: AggregateRef<'_>,
        from_version: u64,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        const LOAD: &str =
            "SELECT position, metadata, payload, recorded_at, topic, partition, log_offset,
            event_id FROM get_aggregate_events($1, $2, $3)";
        sqlx::query(LOAD)
            .bind(aggregate.ty)
            .bind(aggregate.id)
            .bind(i64::try_from(from_version).unwrap_or(i64::MAX))
            .fetch(self.pool())
            .map_err(StoreError::from)
            .and_then(async |row| StoredEvent::read(&row))
            .try_collect()
            .await
    }
}
