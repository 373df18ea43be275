//! One life of a librdkafka producer, from its birth to the failure it cannot outlive.
//!
//! What makes order sure: messages never time out one by one (`message.timeout.ms=0`), and a failure
//! that would leave a gap is fatal (`enable.gapless.guarantee`). So either all of a partition's messages
//! go out in order, or the link is dead and everything behind the gap fails with it. A link that makes no
//! progress is torn down as a whole: first nothing more is let in, then what is queued is purged.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rdkafka::{
    ClientConfig, ClientContext,
    client::DefaultClientContext,
    config::RDKafkaLogLevel,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::{DeliveryResult, Message as _},
    producer::{BaseRecord, Producer as _, ProducerContext, PurgeConfig, ThreadedProducer},
};
use tokio_util::sync::CancellationToken;

use crate::{
    producer::{
        Published,
        batch::{Enqueuing, Tickets},
    },
    security::Trouble,
};

/// Bytes and messages that may wait in librdkafka.
const QUEUE_KBYTES: &str = "131072";
const QUEUE_MESSAGES: &str = "200000";

/// Settings of producers; the ones correctness rests on cannot be set away by `extra`.
pub(super) fn configure(config: &mut ClientConfig) {
    let defaults = [
        ("compression.type", "lz4"),
        // Who is alone does not wait for company; while batches are on their way, the next ones fill.
        ("linger.ms", "0"),
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

struct Context {
    fatal: CancellationToken,
    tickets: Arc<Tickets>,
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
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let outcome = match result {
            Ok(message) => Ok(Published {
                partition: message.partition(),
                offset: message.offset(),
            }),
            Err((error, _)) => Err(error.clone()),
        };
        self.tickets.report(ticket, outcome);
    }
}

/// A record as librdkafka takes it: it copies key and value, and owns the headers.
pub(super) type Message<'a> = BaseRecord<'a, [u8], [u8], usize>;

/// Why a record was not taken.
pub(super) enum NotTaken<'a> {
    /// Try it again soon; here it is.
    QueueFull(Box<Message<'a>>),
    Failed(KafkaError),
    /// The link was torn down meanwhile.
    Dead,
}

pub(super) struct Link {
    producer: ThreadedProducer<Context>,
    tickets: Arc<Tickets>,
    fatal: CancellationToken,
    trouble: Trouble,
    dead: RwLock<bool>,
}

impl Link {
    pub(super) fn open(config: &ClientConfig, trouble: &Trouble) -> KafkaResult<Self> {
        let (fatal, tickets) = (CancellationToken::new(), Arc::<Tickets>::default());
        let context = Context {
            fatal: fatal.clone(),
            tickets: Arc::clone(&tickets),
            trouble: trouble.clone(),
        };
        Ok(Self {
            producer: config.create_with_context(context)?,
            tickets,
            fatal,
            trouble: trouble.clone(),
            dead: RwLock::new(false),
        })
    }

    /// The tickets that records of a batch are handed over with.
    pub(super) fn begin(&self, records: usize) -> Enqueuing<'_> {
        self.tickets.begin(records)
    }

    /// Hands one record over; never blocks.
    pub(super) fn enqueue<'a>(&self, message: Message<'a>) -> Result<(), NotTaken<'a>> {
        let dead = self.dead.read().unwrap_or_else(PoisonError::into_inner);
        if *dead {
            return Err(NotTaken::Dead);
        }
        self.producer
            .send(message)
            .map_err(|(error, message)| match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::QueueFull) => NotTaken::QueueFull(Box::new(message)),
                _ => NotTaken::Failed(error),
            })
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
