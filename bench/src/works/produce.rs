//! Producing: throughput of the publish stage compared with librdkafka alone.

use std::{collections::VecDeque, sync::Arc};

use anyhow::{Context, bail};
use async_trait::async_trait;
use event_bus::{Event as _, EventSchemas, OutboundRecord, Producer, StoredEvent};
use tokio::task::JoinHandle;

use super::{
    Against, Bound, Figure, Goal, Side, Work,
    event::{BYTES, Placed, placed},
    kafka_tools, rdkafka_performance, topics,
};
use crate::{
    environment::Environment,
    reading::{Clock, Reading},
};

/// Events per turn.
const EVENTS: u64 = 1_000_000;
/// Batch size as in the relay, and number of concurrent batches.
const BATCH: usize = 2_000;
const AHEAD: usize = 8;
/// Number of tenants, and so of keys.
const TENANTS: u64 = 100;

pub struct Produce;

#[async_trait]
impl Work for Produce {
    fn name(&self) -> &'static str {
        "produce"
    }

    fn title(&self) -> &'static str {
        "produce 157-byte events, acks=all, idempotent"
    }

    fn sides(&self) -> &'static [Side] {
        const {
            &[
                Side::every(
                    "event-bus",
                    "the stage that the relay publishes through, from stored rows on",
                ),
                Side::every(
                    "event-bus direct",
                    "Producer::publish_batch, from envelopes on",
                ),
                Side::every(
                    "rdkafka_performance",
                    "librdkafka's benchmark, the same headers on every record",
                ),
                Side::every(
                    "rdkafka_performance bare",
                    "the same without headers: no envelope, no CloudEvents",
                ),
                Side::every(
                    "java",
                    "Kafka's ProducerPerformance, which cannot send headers, so no envelope; includes the warm-up",
                ),
            ]
        }
    }

    fn goals(&self) -> &'static [Goal] {
        const {
            &[
                Goal {
                    side: "event-bus",
                    figure: Figure::Rate,
                    against: Against::Side("rdkafka_performance"),
                    bound: Some(Bound::AtLeast(0.9)),
                },
                Goal {
                    side: "event-bus",
                    figure: Figure::Rate,
                    against: Against::Side("java"),
                    bound: Some(Bound::AtLeast(1.0)),
                },
                Goal {
                    side: "event-bus direct",
                    figure: Figure::Rate,
                    against: Against::Side("rdkafka_performance"),
                    bound: None,
                },
                Goal {
                    side: "event-bus",
                    figure: Figure::Rate,
                    against: Against::Side("rdkafka_performance bare"),
                    bound: None,
                },
            ]
        }
    }

    async fn ready(&self, environment: &Environment, _side: &str) -> anyhow::Result<()> {
        topics::recreate(environment, &[Placed::TOPIC], 6).await
    }

    async fn run(&self, environment: &Environment, side: &str) -> anyhow::Result<Reading> {
        let events = environment.scaled(EVENTS);
        match side {
            "event-bus" => ours(environment, events, stored).await,
            "event-bus direct" => ours(environment, events, Ok).await,
            "rdkafka_performance" => rival(environment, events, &headers()?).await,
            "rdkafka_performance bare" => rival(environment, events, &[]).await,
            "java" => {
                let topic = environment.bus().prefixed(Placed::TOPIC);
                kafka_tools::produce(environment, &topic, events, BYTES, &ALIKE).await
            }
            other => bail!("unknown side {other:?}"),
        }
    }
}

fn stored(record: OutboundRecord) -> anyhow::Result<StoredEvent> {
    let envelope = serde_json::to_string(&record.envelope)?;
    Ok(StoredEvent::read(record.topic, &envelope, record.datum)?)
}

/// The batches that the bus publishes.
trait Publishable: Clone + Send + Sync + 'static {
    fn publish(producer: Producer, batch: Arc<[Self]>) -> JoinHandle<anyhow::Result<()>>;
}

macro_rules! publishable {
    ($record:ty, $publish:ident) => {
        impl Publishable for $record {
            fn publish(producer: Producer, batch: Arc<[Self]>) -> JoinHandle<anyhow::Result<()>> {
                tokio::spawn(async move {
                    for published in producer.$publish(&batch).await {
                        published?;
                    }
                    Ok(())
                })
            }
        }
    };
}
publishable!(OutboundRecord, publish_batch);
publishable!(StoredEvent, publish_stored);

async fn ours<R: Publishable>(
    environment: &Environment,
    events: u64,
    make: impl Fn(OutboundRecord) -> anyhow::Result<R>,
) -> anyhow::Result<Reading> {
    let producer = Producer::new(&environment.bus(), EventSchemas::new().with::<Placed>())?;
    // Distinct rows as in the relay, created in advance and published repeatedly.
    let batches = (0..AHEAD).map(|batch| {
        let rows = (0..BATCH as u64).map(|row| make(placed(row % TENANTS, row, batch as u64 + 1)?));
        rows.collect::<anyhow::Result<Arc<[R]>>>()
    });
    let batches: Vec<Arc<[R]>> = batches.collect::<anyhow::Result<_>>()?;
    // The first call resolves the schema and the topic.
    R::publish(producer.clone(), batches[0][..1].into()).await??;

    let clock = Clock::own();
    let (mut sent, mut ahead) = (0, VecDeque::new());
    for batch in batches.iter().cycle() {
        if sent >= events {
            break;
        }
        if ahead.len() == AHEAD {
            let oldest: JoinHandle<anyhow::Result<()>> = ahead.pop_front().context("one")?;
            oldest.await??;
        }
        ahead.push_back(R::publish(producer.clone(), Arc::clone(batch)));
        sent += batch.len() as u64;
    }
    for publishing in ahead {
        publishing.await??;
    }
    Ok(clock.read(sent))
}

/// Settings common to all sides; all others are defaults.
const ALIKE: [&str; 3] = [
    "enable.idempotence=true",
    "acks=all",
    "compression.type=lz4",
];

/// Returns the headers of a record as arguments.
fn headers() -> anyhow::Result<Vec<String>> {
    let headers = placed(1, 1, 1)?.envelope.to_headers();
    let arguments = headers
        .into_iter()
        .flat_map(|(name, value)| ["-H".to_owned(), format!("{name}={value}")]);
    Ok(arguments.collect())
}

async fn rival(
    environment: &Environment,
    events: u64,
    headers: &[String],
) -> anyhow::Result<Reading> {
    let topic = environment.bus().prefixed(Placed::TOPIC);
    let mut arguments: Vec<String> = ["-s", &BYTES.to_string()].map(str::to_owned).into();
    for setting in ALIKE {
        arguments.extend(["-X".to_owned(), setting.to_owned()]);
    }
    arguments.extend_from_slice(headers);
    rdkafka_performance::produce(environment, &topic, events, &arguments).await
}
