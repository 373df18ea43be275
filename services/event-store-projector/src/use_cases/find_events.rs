//! Finding events.

use event_store::{AggregateRef, At, EventStore, Filter, Page};

use super::{ReadError, show_aggregate};
use crate::domain::Reader;

/// The events that fit the filter and that the reader may see, in the order they were stored.
///
/// # Errors
/// [`ReadError::NotFound`] for another's tenant or order, [`ReadError::NameYourOrder`] for a customer who names
/// none.
pub async fn find_events(
    store: &EventStore,
    reader: Reader,
    mut filter: Filter,
    limit: u32,
) -> Result<Page, ReadError> {
    match reader {
        Reader::Everything => {}
        Reader::Nothing => return Err(ReadError::NotFound("event")),
        Reader::Tenant(own) => {
            if filter.tenant_id.is_some_and(|asked| asked != own) {
                return Err(ReadError::NotFound("tenant"));
            }
            filter.tenant_id = Some(own);
        }
        Reader::Buyer(_) => {
            let (Some("order"), Some(id)) =
                (filter.aggregate_type.as_deref(), &filter.aggregate_id)
            else {
                return Err(ReadError::NameYourOrder);
            };
            let order = AggregateRef { ty: "order", id };
            show_aggregate(store, reader, order, At::Now).await?;
        }
    }
    Ok(store.query(&filter, limit).await?)
}
