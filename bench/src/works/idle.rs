//! Latency from commit to handler on an idle system.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use async_trait::async_trait;
use event_bus::{Consumer, Event as _, OutboundRecord, Received, Router};
use outbox::RelayWaker;
use rdkafka::{
    ClientConfig, Message as _,
    consumer::{BaseConsumer, Consumer as _},
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::{
    Against, Bound, Figure, Goal, Side, Work,
    event::{Placed, placed},
    outboxes::{self, Relaying, Schemas},
    topics,
};
use crate::{
    environment::Environment,
    reading::{Clock, Latency, Reading},
};

/// Measured events per turn, and warm-up events before them.
const EVENTS: u64 = 1_000;
const WARM: u64 = 50;
/// Time limit of an event, including joining the group.
const PATIENCE: Duration = Duration::from_mins(1);

pub struct Idle;

#[async_trait]
impl Work for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }

    fn title(&self) -> &'static str {
        "from commit to handler, one event at a time"
    }

    fn sides(&self) -> &'static [Side] {
        const {
            &[
                Side::every(
                    "event-bus",
                    "from the return of COMMIT to the handler's first line: relay, log, consumer",
                ),
                Side::every(
                    "round trip",
                    "bare librdkafka: the same record produced and polled, idempotent, acks=all, no linger",
                ),
            ]
        }
    }

    fn goals(&self) -> &'static [Goal] {
        const {
            &[
                Goal {
                    side: "event-bus",
                    figure: Figure::P99,
                    against: Against::Side("round trip"),
                    bound: Some(Bound::AtMost(3.0)),
                },
                Goal {
                    side: "event-bus",
                    figure: Figure::P50,
                    against: Against::Side("round trip"),
                    bound: None,
                },
            ]
        }
    }

    async fn ready(&self, environment: &Environment, _side: &str) -> anyhow::Result<()> {
        topics::recreate(environment, &[Placed::TOPIC], 6).await?;
        outboxes::recreate(environment, self.name(), 1).await
    }

    async fn run(&self, environment: &Environment, side: &str) -> anyhow::Result<Reading> {
        match side {
            "event-bus" => ours(environment, &Schemas::open(environment, self.name(), 1)?).await,
            "round trip" => round_trip(environment).await,
            other => bail!("unknown side {other:?}"),
        }
    }

    async fn clean(&self, environment: &Environment) -> anyhow::Result<()> {
        outboxes::drop_all(environment, self.name()).await
    }
}

/// The arrival time of each event.
type Arrivals = UnboundedReceiver<Instant>;

/// A way to send an event.
#[async_trait]
trait EventSender: Sync {
    /// Sends an event, and returns the start of its latency.
    async fn send(&self, number: u64) -> anyhow::Result<Instant>;
}

/// Sends by committing to an outbox.
struct Commits<'a> {
    outboxes: &'a Schemas,
    waker: &'a RelayWaker,
}

#[async_trait]
impl EventSender for Commits<'_> {
    async fn send(&self, number: u64) -> anyhow::Result<Instant> {
        let record = placed(0, number, 1)?;
        let mut transaction = self.outboxes.begin(0).await?;
        outbox::append(&mut transaction, &record).await?;
        transaction.commit().await?;
        let committed = Instant::now();
        self.waker.wake(outboxes::name(0).into());
        Ok(committed)
    }
}

/// Sends by producing to the log directly.
struct Produces {
    producer: FutureProducer,
    topic: String,
}

#[async_trait]
impl EventSender for Produces {
    async fn send(&self, number: u64) -> anyhow::Result<Instant> {
        let record = placed(0, number, 1)?;
        let value = [&[0; 5], record.datum.as_slice()].concat();
        let bare = FutureRecord::to(&self.topic)
            .key(&record.envelope.partition_key)
            .payload(&value)
            .headers(headers(&record));
        let sent = Instant::now();
        let acknowledged = self.producer.send_result(bare);
        let acknowledged = acknowledged.map_err(|(error, _)| error)?;
        acknowledged.await?.map_err(|(error, _)| error)?;
        Ok(sent)
    }
}

/// Sends each event after the previous one has arrived.
async fn one_by_one(
    environment: &Environment,
    sender: &dyn EventSender,
    arrivals: &mut Arrivals,
) -> anyhow::Result<Reading> {
    for number in 0..WARM {
        trip(number, sender, arrivals).await?;
    }
    let (clock, events) = (Clock::own(), environment.scaled(EVENTS));
    let mut times = Vec::new();
    for number in WARM..WARM + events {
        times.push(trip(number, sender, arrivals).await?);
    }
    Ok(Reading {
        latency: Some(Latency::of(times)),
        ..clock.read(events)
    })
}

async fn trip(
    number: u64,
    sender: &dyn EventSender,
    arrivals: &mut Arrivals,
) -> anyhow::Result<Duration> {
    let sent = sender.send(number).await?;
    let arrived = tokio::time::timeout(PATIENCE, arrivals.recv()).await?;
    let arrived = arrived.context("the receiver is closed")?;
    arrived
        .checked_duration_since(sent)
        .context("an event arrived twice")
}

async fn ours(environment: &Environment, outboxes: &Arc<Schemas>) -> anyhow::Result<Reading> {
    let (arrived, mut arrivals) = unbounded_channel();
    let handler = move |_: Received<Placed>| {
        // Fails only if the receiver is closed.
        let _ = arrived.send(Instant::now());
        async { Ok(()) }
    };
    let stop = CancellationToken::new();
    let consumer = Consumer::builder(
        &environment.bus(),
        format!("bench-{}", uuid::Uuid::now_v7()),
    )
    .topics([Placed::TOPIC])
    .handler(Router::new().on(handler))
    .build()?;
    let running = tokio::spawn(consumer.run(stop.clone()));
    let relaying = Relaying::start(environment, Arc::clone(outboxes) as _)?;
    let waker = &relaying.waker;
    let reading = one_by_one(environment, &Commits { outboxes, waker }, &mut arrivals).await;
    relaying.end().await?;
    stop.cancel();
    running.await??;
    reading
}

async fn round_trip(environment: &Environment) -> anyhow::Result<Reading> {
    let (arrived, mut arrivals) = unbounded_channel();
    let stop = CancellationToken::new();
    let polling = poll(environment, arrived, stop.clone())?;
    let settings = [
        ("acks", "all"),
        ("enable.idempotence", "true"),
        ("compression.type", "lz4"),
        ("linger.ms", "0"),
    ];
    let produces = Produces {
        producer: client(environment, &settings).create()?,
        topic: environment.bus().prefixed(Placed::TOPIC),
    };
    let reading = one_by_one(environment, &produces, &mut arrivals).await;
    stop.cancel();
    let polled = tokio::task::spawn_blocking(|| polling.join()).await?;
    polled.map_err(|_| anyhow::anyhow!("the polling thread panicked"))??;
    reading
}

fn headers(record: &OutboundRecord) -> OwnedHeaders {
    let headers = record.envelope.to_headers().into_iter();
    headers.fold(OwnedHeaders::new(), |headers, (name, value)| {
        let value = Some(value.as_str());
        headers.insert(Header { key: &name, value })
    })
}

/// Starts a polling thread with the fetch settings of the bus's consumer.
fn poll(
    environment: &Environment,
    arrived: UnboundedSender<Instant>,
    stop: CancellationToken,
) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
    let group = format!("{}.rival-{}", environment.run, uuid::Uuid::now_v7());
    let settings = [
        ("group.id", group.as_str()),
        ("auto.offset.reset", "earliest"),
        ("fetch.wait.max.ms", "100"),
        ("queued.max.messages.kbytes", "16384"),
        ("enable.auto.commit", "false"),
    ];
    let consumer: BaseConsumer = client(environment, &settings).create()?;
    consumer.subscribe(&[&environment.bus().prefixed(Placed::TOPIC)])?;
    Ok(thread::spawn(move || {
        while !stop.is_cancelled() {
            let Some(message) = consumer.poll(Duration::from_millis(100)) else {
                continue;
            };
            let now = Instant::now();
            std::hint::black_box(message?.payload());
            arrived.send(now)?;
        }
        Ok(())
    }))
}

fn client(environment: &Environment, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &environment.kafka);
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config
}
