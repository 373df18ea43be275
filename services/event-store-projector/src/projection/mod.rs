//! The log into the store, by one replica at a time.
//!
//! Whoever holds the lead reads all partitions from the offsets in the store, and writes events and
//! offsets in one transaction. Whatever goes wrong, the lead is given up and everything begins again from
//! what was committed; an event that comes twice is known by its id.

mod batch;
mod lead;
mod log;
mod metrics;
mod shape;
mod writer;

use std::time::Duration;

use event_bus::{PublishError, RecordDecoder};
use event_store::{EventStore, StoreError};
use rdkafka::error::KafkaError;
use tokio_util::sync::CancellationToken;

use self::{batch::Batch, lead::Lead, log::Log, writer::Writer};

/// How often a replica without the lead asks for it.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How long to wait after a failure: doubled each time up to the most.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Why the lead was given up.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("event store: {0}")]
    Database(#[from] sqlx::Error),
    #[error("kafka: {0}")]
    Kafka(#[from] KafkaError),
    #[error("dead letter: {0}")]
    DeadLetter(#[from] PublishError),
    #[error("the log's thread died: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

/// Reads topics into the store.
pub struct Projection {
    store: EventStore,
    reader: RecordDecoder,
    /// As the broker calls them.
    topics: Vec<String>,
}

impl Projection {
    /// Reads `topics`, named as the broker names them.
    pub fn new(store: EventStore, reader: RecordDecoder, topics: Vec<String>) -> Self {
        Self {
            store,
            reader,
            topics,
        }
    }

    /// Projects until `stop`; the batch in hand is written first.
    pub async fn run(self, stop: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        while !stop.is_cancelled() {
            let wait = match self.lead_once(&stop, &mut pause).await {
                Ok(()) => ASK_AGAIN,
                Err(interrupted) => {
                    tracing::warn!(error = %interrupted, "projection interrupted; it goes on from what is stored");
                    let wait = pause;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    wait
                }
            };
            stop.run_until_cancelled(tokio::time::sleep(wait)).await;
        }
    }

    /// Leads until `stop` or a failure; returns at once where another replica leads.
    async fn lead_once(
        &self,
        stop: &CancellationToken,
        pause: &mut Duration,
    ) -> Result<(), Interrupted> {
        let Some(lead) = Lead::try_take(self.store.pool()).await? else {
            return Ok(());
        };
        tracing::info!("leading: reading the log into the store");
        metrics::LEADING.set(1);
        let offsets = self.store.offsets().await?;
        let mut writer = Writer::new(&self.reader, lead, offsets);
        let mut log = Log::open(&self.reader, &self.topics)?;
        let ended = self.follow(&mut log, &mut writer, stop, pause).await;
        metrics::LEADING.set(0);
        writer.give_up().await;
        // Closing a consumer waits for its thread.
        tokio::task::spawn_blocking(move || drop(log)).await?;
        ended
    }

    async fn follow(
        &self,
        log: &mut Log,
        writer: &mut Writer<'_>,
        stop: &CancellationToken,
        pause: &mut Duration,
    ) -> Result<(), Interrupted> {
        loop {
            log.assign(writer.offsets()).await?;
            let Some(records) = stop.run_until_cancelled(log.next(&self.reader)).await else {
                return Ok(());
            };
            let records = records?;
            if records.is_empty() {
                continue;
            }
            let Some(batch) = Batch::decode(records, stop).await else {
                return Ok(());
            };
            writer.write(&batch).await?;
            log.show_progress(writer.offsets());
            *pause = FIRST_PAUSE;
        }
    }
}
