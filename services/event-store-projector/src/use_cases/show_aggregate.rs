//! Showing one aggregate, now or at an earlier moment.

use event_bus::Envelope;
use event_store::{AggregateRef, At, EventStore, Merge};
use serde_json::Value;

use super::ReadError;
use crate::domain::{
    OrderFold, Owner, PaymentFold, ProductFold, Reader, Shown, SubscriptionFold, TenantFold,
    UserFold,
};

/// An aggregate's state at a moment.
#[derive(Debug)]
pub struct AggregateState {
    /// The version it is of.
    pub version: u64,
    /// Whether every version up to it is in the store.
    pub complete: bool,
    /// The last event in it.
    pub last_event: Envelope,
    /// The state, as people see it.
    pub state: Value,
}

/// The state of an aggregate, rebuilt from its events. Of kinds without rules of their own (`email`,
/// `audit`) it is the last value of each field, for the platform's own eyes.
///
/// # Errors
/// [`ReadError::NotFound`] if it has no events at that moment or is not the reader's.
pub async fn show_aggregate(
    store: &EventStore,
    reader: Reader,
    aggregate: AggregateRef<'_>,
    at: At,
) -> Result<AggregateState, ReadError> {
    match aggregate.ty {
        "order" => show::<OrderFold>(store, reader, aggregate, at).await,
        "product" => show::<ProductFold>(store, reader, aggregate, at).await,
        "payment" => show::<PaymentFold>(store, reader, aggregate, at).await,
        "subscription" => show::<SubscriptionFold>(store, reader, aggregate, at).await,
        "tenant" => show::<TenantFold>(store, reader, aggregate, at).await,
        "user" => show::<UserFold>(store, reader, aggregate, at).await,
        _ => show::<Merge>(store, reader, aggregate, at).await,
    }
}

async fn show<F: Shown>(
    store: &EventStore,
    reader: Reader,
    aggregate: AggregateRef<'_>,
    at: At,
) -> Result<AggregateState, ReadError> {
    const NONE: ReadError = ReadError::NotFound("aggregate");

    let rebuilt = store.rebuild::<F>(aggregate, at).await?.ok_or(NONE)?;
    let owner = F::owner(&rebuilt.state, &rebuilt.last_event);
    if !reader.may_see(owner) {
        return Err(NONE);
    }
    Ok(AggregateState {
        version: rebuilt.version,
        complete: rebuilt.complete,
        state: rebuilt.state.view().ok_or(NONE)?,
        last_event: rebuilt.last_event,
    })
}

impl Shown for Merge {
    fn view(&self) -> Option<Value> {
        Some(Value::Object(self.0.clone()))
    }

    fn owner(&self, _: &Envelope) -> Owner {
        Owner::default()
    }
}
