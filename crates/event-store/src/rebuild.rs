//! States from events.

use event_bus::Envelope;
use futures::TryStreamExt;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    AggregateRef, EventStore, StoreError, StoredEvent,
    entities::event::{Column, Entity},
    snapshot::Snapshot,
};

/// Why an event did not fold.
pub type FoldError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A state that grows event by event.
///
/// It is kept in snapshots as its own JSON under `NAME`: a fold whose rules or shape change takes a new
/// name, `order/2`, and so never meets what the old one left.
pub trait Fold: Default + Serialize + DeserializeOwned + Send {
    /// What its snapshots are called.
    const NAME: &'static str;

    /// Takes one more event in. Types it does not know change nothing.
    fn apply(
        &mut self,
        event_type: &str,
        payload: &Value,
        envelope: &Envelope,
    ) -> Result<(), FoldError>;
}

/// The fold that knows nothing: of each field the last value. The SQL functions do the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Merge(pub Map<String, Value>);

impl Fold for Merge {
    const NAME: &'static str = "merge";

    fn apply(&mut self, _: &str, payload: &Value, _: &Envelope) -> Result<(), FoldError> {
        let fields = payload.as_object().ok_or("the payload is not an object")?;
        self.0.extend(fields.clone());
        Ok(())
    }
}

/// Which moment of an aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// With every event there is.
    Now,
    /// After the event that made it this version.
    Version(u64),
    /// Up to the first event that happened later.
    Time(OffsetDateTime),
}

/// A state, and which moment it is of.
#[derive(Clone, Debug, PartialEq)]
pub struct Rebuilt<F> {
    /// The state.
    pub state: F,
    /// The version it is of.
    pub version: u64,
    /// Whether every version up to it was there.
    pub complete: bool,
    /// The last event in it.
    pub last_event: Envelope,
}

impl EventStore {
    /// Rebuilds an aggregate from the newest usable snapshot and the events after it; `None` if it has
    /// no event then. Events without a version change no state.
    pub async fn rebuild<F: Fold>(
        &self,
        aggregate: AggregateRef<'_>,
        at: At,
    ) -> Result<Option<Rebuilt<F>>, StoreError> {
        let snapshot = self.snapshot::<F>(aggregate, at).await?;
        let known = snapshot.as_ref().map_or(0, |snapshot| snapshot.version);
        let up_to = match at {
            At::Version(version) => i64::try_from(version).unwrap_or(i64::MAX),
            At::Now | At::Time(_) => i64::MAX,
        };
        // The snapshot's last event is read again: the answer names it.
        let mut rows = Entity::find()
            .filter(Column::AggregateType.eq(aggregate.ty))
            .filter(Column::AggregateId.eq(aggregate.id))
            // A literal, so that every plan can use the partial index on versions above 0.
            .filter(Expr::cust("version > 0"))
            .filter(Column::Version.between(known, up_to))
            .order_by_asc(Column::Version)
            .stream(&self.db)
            .await?;

        let mut folding = Folding::<F>::from(snapshot, self.snapshot_every);
        while let Some(row) = rows.try_next().await? {
            let event = StoredEvent::try_from(row)?;
            if matches!(at, At::Time(as_of) if event.envelope.time > as_of) {
                break;
            }
            folding.take(event)?;
        }
        drop(rows);
        if let Some(snapshot) = folding.due.take() {
            self.keep_snapshot::<F>(aggregate, &snapshot).await;
        }
        Ok(folding.finish())
    }
}

/// A rebuild under way.
struct Folding<F> {
    state: F,
    version: i64,
    complete: bool,
    occurred_at: OffsetDateTime,
    last_event: Option<Envelope>,
    /// The version the snapshot holds already.
    known: i64,
    every: i64,
    due: Option<Snapshot<Value>>,
}

impl<F: Fold> Folding<F> {
    fn from(snapshot: Option<Snapshot<F>>, every: u64) -> Self {
        let every = i64::try_from(every).unwrap_or(i64::MAX);
        let (state, version, occurred_at) = match snapshot {
            Some(found) => (found.state, found.version, found.occurred_at),
            None => (F::default(), 0, OffsetDateTime::UNIX_EPOCH),
        };
        Self {
            state,
            version,
            complete: true,
            occurred_at,
            last_event: None,
            known: version,
            every,
            due: None,
        }
    }

    fn take(&mut self, event: StoredEvent) -> Result<(), StoreError> {
        let envelope = event.envelope;
        let version = i64::try_from(envelope.sequence).unwrap_or(i64::MAX);
        if version > self.known {
            self.apply(&envelope, &event.payload)?;
            self.complete &= version == self.version + 1;
            self.version = version;
            self.occurred_at = self.occurred_at.max(envelope.time);
            // A state with a hole in it is no cache: the missing event may still arrive.
            if self.complete && self.every > 0 && version % self.every == 0 {
                self.due = serde_json::to_value(&self.state)
                    .ok()
                    .map(|state| Snapshot {
                        version,
                        occurred_at: self.occurred_at,
                        state,
                    });
            }
        }
        self.last_event = Some(envelope);
        Ok(())
    }

    fn apply(&mut self, envelope: &Envelope, payload: &Value) -> Result<(), StoreError> {
        let folded = self.state.apply(&envelope.event_type, payload, envelope);
        folded.map_err(|reason| {
            let (event, event_type): (Uuid, String) = (envelope.id, envelope.event_type.clone());
            StoreError::Fold {
                event,
                event_type,
                reason,
            }
        })
    }

    fn finish(self) -> Option<Rebuilt<F>> {
        Some(Rebuilt {
            state: self.state,
            version: u64::try_from(self.version).unwrap_or(0),
            complete: self.complete,
            last_event: self.last_event?,
        })
    }
}
