//! Parked records read back from the log.

use std::{sync::Arc, time::Duration};

use crate::{
    BusError, BusSettings, Record, Registry,
    dlq::{
        letter::{DeadLetter, DeadLetterState},
        reader::{Reader, Span},
    },
    log_format::parked_state::Entry,
    log_reader::LogRecord,
};

/// Bytes of values read at once, about.
const MAX_BYTES: usize = 4 << 20;

/// Reads parked records, and the originals of those that were too large to be parked whole.
pub(crate) struct ParkedReader {
    parked: Reader,
    originals: Reader,
}

impl ParkedReader {
    pub(crate) fn open(
        settings: &BusSettings,
        registry: &Registry,
        timeout: Duration,
    ) -> Result<Self, BusError> {
        Ok(Self {
            parked: Reader::open(settings, registry, timeout)?,
            originals: Reader::open(settings, registry, timeout)?,
        })
    }

    /// The first of these records, as many as may be in memory and at least one: the event as it was, in its place in the parked
    /// topic, or why it cannot be had.
    pub(crate) async fn records(
        &mut self,
        topic: &str,
        partition: i32,
        entries: &[Entry],
    ) -> Result<Vec<Result<Record, String>>, BusError> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(Vec::new());
        };
        let mut span = Span::new(topic, partition, first.offset, last.offset + 1);
        let (mut records, mut bytes) = (Vec::new(), 0);
        let missing = || Err("it is not in the parked topic any more".to_owned());
        while records.len() < entries.len() && bytes < MAX_BYTES {
            let piece = self.parked.piece(&mut span).await?;
            if piece.is_empty() {
                records.resize_with(entries.len(), missing);
                break;
            }
            for logged in piece {
                // Those before it were passed over: they are not there.
                while entries
                    .get(records.len())
                    .is_some_and(|entry| entry.offset < logged.offset)
                {
                    records.push(missing());
                }
                let next = entries.get(records.len());
                if next.is_some_and(|entry| entry.offset == logged.offset) {
                    bytes += logged.value.as_ref().map_or(0, bytes::Bytes::len);
                    records.push(self.event(topic, logged).await?);
                }
            }
        }
        Ok(records)
    }

    async fn event(
        &self,
        topic: &str,
        logged: LogRecord,
    ) -> Result<Result<Record, String>, BusError> {
        let letter = DeadLetter::of(topic, &logged, DeadLetterState::Open);
        let whole = if letter.value_omitted {
            crate::dlq::source::whole(&self.originals, &letter, &logged).await?
        } else {
            Some(logged)
        };
        let Some(whole) = whole else {
            let gone =
                "it was too large to be parked whole, and the original is no longer in the log";
            return Ok(Err(gone.to_owned()));
        };
        Ok(whole
            .event
            .map(|mut record| {
                // It came to the log when the original did.
                record.timestamp = letter.original_timestamp;
                Arc::make_mut(&mut record.envelope).arrived(letter.original_timestamp);
                record
            })
            .map_err(|error| error.to_string()))
    }
}
