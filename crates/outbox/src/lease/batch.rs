//! Decoding and publishing the rows of one claim.

use event_bus::{Producer, PublishError, Published, StoredEvent};
use sqlx::{Row, postgres::PgRow};
use tokio::task::yield_now;

use crate::metrics;

/// Rows decoded between two yields to the runtime, which takes a few hundred microseconds.
const ROWS_PER_YIELD: usize = 128;

/// The rows of one claim: valid events in id order, and rows that cannot be decoded.
#[derive(Default)]
pub(crate) struct ClaimedBatch {
    pub(super) ids: Vec<i64>,
    pub(super) events: Vec<StoredEvent>,
    /// Ids and decoding errors.
    pub(super) invalid: Vec<(i64, String)>,
}

impl ClaimedBatch {
    /// Decodes rows. Yields regularly, so that the statement in flight on the connection makes progress.
    async fn decode(rows: Vec<PgRow>) -> Result<Self, sqlx::Error> {
        let mut batch = Self::default();
        let mut valid = Vec::with_capacity(rows.len());
        for chunk in rows.chunks(ROWS_PER_YIELD) {
            for row in chunk {
                let (id, datum) = (row.try_get(0)?, row.try_get(3)?);
                match StoredEvent::read(row.try_get(1)?, row.try_get(2)?, datum) {
                    Ok(event) => valid.push((id, event)),
                    Err(error) => batch.invalid.push((id, error.to_string())),
                }
            }
            yield_now().await;
        }
        // `DELETE … RETURNING` returns rows in no particular order.
        valid.sort_unstable_by_key(|(id, _)| *id);
        (batch.ids, batch.events) = valid.into_iter().unzip();
        Ok(batch)
    }

    /// Decodes rows and publishes the events. The results are in the order of `ids`.
    pub(super) async fn publish(
        rows: Vec<PgRow>,
        producer: &Producer,
    ) -> Result<(Self, Vec<Result<Published, PublishError>>), sqlx::Error> {
        let batch = Self::decode(rows).await?;
        let results = producer.publish_stored(&batch.events).await;
        metrics::count_published(&batch.events, &results);
        Ok((batch, results))
    }
}
