//! One life of a librdkafka producer, from its birth to the failure it cannot outlive.
//!
//! What makes order sure: messages never time out one by one (`message.timeout.ms=0`), and a failure
//! that would leave a gap is fatal (`enable.gapless.guarantee`). So either all of a partition's messages
//! go out in order, or the link is dead and everything behind the gap fails with it. A link that makes no
//! progress is torn down as a whole: first nothing more is let in, then what is queued is purged.

use std::{
    borrow::Cow,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rdkafka::{
    ClientConfig, ClientContext,
    client::DefaultClientContext,
    config::RDKafkaLogLevel,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseRecord, Producer as _, ProducerContext, PurgeConfig, ThreadedProducer},
};
use tokio_util::sync::CancellationToken;

use super::{batch::Batch, raw::RawRecord};
use crate::security::Trouble;

/// Bytes and messages that may wait in librdkafka.
const QUEUE_KBYTES: &str = "131072";
const QUEUE_MESSAGES: &str = "200000";

/// Settings of producers; the ones correctness rests on cannot be set away by `extra`.
pub(super) fn configure(config: &mut ClientConfig) {
    let defaults = [
        ("compression.type", "lz4"),
        ("linger.ms", "2"),
        ("batch.num.messages", "10000"),
        ("message.max.bytes", "4194304"),
        ("queue.buffering.max.kbytes", QUEUE_KBYTES),
        ("queue.buffering.max.messages", QUEUE_MESSAGES),
        ("topic.metadata.propagation.max.ms", "5000"),
        // Java's partitioner, so that any client finds a key's partition.
        ("partitioner", "murmur2_random"),
    ];
    for (name, value) in defaults {
        if config.get(name).is_none() {
            config.set(name, value);
        }
    }
    config
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("enable.gapless.guarantee", "true")
        .set("message.timeout.ms", "0");
}

pub(super) struct Ticket {
    batch: Arc<Batch>,
    index: usize,
}

struct Context {
    fatal: CancellationToken,
    trouble: Trouble,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // Says of each producer that the guarantee we ask for is experimental.
        if facility == "CONFWARN" {
            tracing::debug!(target: "librdkafka", message);
        } else {
            DefaultClientContext.log(level, facility, message);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            self.fatal.cancel();
            tracing::error!(%error, reason, "producer failed for good; it will be rebuilt");
        } else {
            self.trouble.note(&error, reason);
            tracing::warn!(%error, reason, "producer has trouble with the broker");
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let outcome = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.clone()),
        };
        ticket.batch.report(ticket.index, outcome);
    }
}

/// What became of handing one record to librdkafka.
pub(super) enum Enqueued {
    Taken,
    QueueFull,
    Failed(KafkaError),
    /// The link was torn down meanwhile.
    Dead,
}

pub(super) struct Link {
    producer: ThreadedProducer<Context>,
    fatal: CancellationToken,
    trouble: Trouble,
    dead: RwLock<bool>,
}

impl Link {
    pub(super) fn open(config: &ClientConfig, trouble: &Trouble) -> KafkaResult<Self> {
        let fatal = CancellationToken::new();
        let context = Context {
            fatal: fatal.clone(),
            trouble: trouble.clone(),
        };
        Ok(Self {
            producer: config.create_with_context(context)?,
            fatal,
            trouble: trouble.clone(),
            dead: RwLock::new(false),
        })
    }

    /// Hands one record over; never blocks.
    pub(super) fn enqueue(&self, record: &RawRecord, batch: &Arc<Batch>, index: usize) -> Enqueued {
        let dead = self.dead.read().unwrap_or_else(PoisonError::into_inner);
        if *dead {
            return Enqueued::Dead;
        }
        let ticket = Box::new(Ticket {
            batch: Arc::clone(batch),
            index,
        });
        let mut message: BaseRecord<'_, [u8], [u8], _> =
            BaseRecord::with_opaque_to(&record.topic, ticket).headers(owned(&record.headers));
        message.partition = record.partition;
        message.key = record.key.as_deref();
        message.payload = record.value.as_deref();
        batch.enqueue();
        match self.producer.send(message) {
            Ok(()) => Enqueued::Taken,
            Err((error, _)) => {
                batch.not_taken();
                match error.rdkafka_error_code() {
                    Some(RDKafkaErrorCode::QueueFull) => Enqueued::QueueFull,
                    _ => Enqueued::Failed(error),
                }
            }
        }
    }

    /// Whether a broker answers.
    pub(super) fn ping(&self, timeout: Duration) -> KafkaResult<()> {
        self.producer
            .client()
            .fetch_metadata(None, timeout)
            .map(drop)
    }

    /// Whether librdkafka gave up.
    pub(super) fn is_fatal(&self) -> bool {
        if let Some((code, reason)) = self.producer.client().fatal_error() {
            self.trouble.note(&KafkaError::Global(code), &reason);
            return true;
        }
        self.fatal.is_cancelled()
    }

    /// Returns when librdkafka says that it gave up.
    pub(super) async fn gave_up(&self) {
        self.fatal.cancelled().await;
    }

    /// Lets nothing more in and fails what has no acknowledgement. Blocks for a moment.
    pub(super) fn tear_down(&self) {
        let mut dead = self.dead.write().unwrap_or_else(PoisonError::into_inner);
        if !*dead {
            *dead = true;
            self.producer
                .purge(PurgeConfig::default().queue().inflight());
        }
    }
}

fn owned(headers: &[(Cow<'static, str>, Option<Vec<u8>>)]) -> OwnedHeaders {
    let empty = OwnedHeaders::new_with_capacity(headers.len());
    headers.iter().fold(empty, |owned, (key, value)| {
        owned.insert(Header {
            key,
            value: value.as_ref(),
        })
    })
}
