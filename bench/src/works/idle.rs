//! From commit to handler while nothing else is to be done.

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
    place::Place,
    reading::{Clock, Latency, Reading},
};

/// Events a turn, and those before that are not counted.
const EVENTS: u64 = 1_000;
const WARM: u64 = 50;
/// No event takes longer, joining the group included, unless something hangs.
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
                    "from the return of COMMIT: wake-up, relay, log, consumer, the handler's first line",
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

    async fn ready(&self, place: &Place, _side: &str) -> anyhow::Result<()> {
        topics::anew(place, &[Placed::TOPIC], 6).await?;
        outboxes::anew(place, self.name(), 1).await
    }

    async fn run(&self, place: &Place, side: &str) -> anyhow::Result<Reading> {
        match side {
            "event-bus" => ours(place, &Schemas::open(place, self.name(), 1)?).await,
            "round trip" => round_trip(place).await,
            other => bail!("nobody called {other:?} takes part"),
        }
    }

    async fn clean(&self, place: &Place) -> anyhow::Result<()> {
        outboxes::drop_all(place, self.name()).await
    }
}

/// When each event arrived.
type Arrivals = UnboundedReceiver<Instant>;

/// How an event is sent.
#[async_trait]
trait Sender: Sync {
    /// Sends the event of this number; since when its time counts.
    async fn send(&self, number: u64) -> anyhow::Result<Instant>;
}

/// By a commit.
struct Commits<'a> {
    outboxes: &'a Schemas,
    waker: &'a RelayWaker,
}

#[async_trait]
impl Sender for Commits<'_> {
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

/// Straight into the log.
struct Produces {
    producer: FutureProducer,
    topic: String,
}

#[async_trait]
impl Sender for Produces {
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

/// The next event is sent when the one before has arrived.
async fn one_by_one(
    place: &Place,
    sender: &dyn Sender,
    arrivals: &mut Arrivals,
) -> anyhow::Result<Reading> {
    for number in 0..WARM {
        trip(number, sender, arrivals).await?;
    }
    let (clock, events) = (Clock::own(), place.scaled(EVENTS));
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
    sender: &dyn Sender,
    arrivals: &mut Arrivals,
) -> anyhow::Result<Duration> {
    let sent = sender.send(number).await?;
    let arrived = tokio::time::timeout(PATIENCE, arrivals.recv()).await?;
    let arrived = arrived.context("nobody listens")?;
    arrived
        .checked_duration_since(sent)
        .context("an event arrived twice")
}

async fn ours(place: &Place, outboxes: &Arc<Schemas>) -> anyhow::Result<Reading> {
    let (arrived, mut arrivals) = unbounded_channel();
    let handler = move |_: Received<Placed>| {
        // Fails only when nobody waits any more.
        let _ = arrived.send(Instant::now());
        async { Ok(()) }
    };
    let stop = CancellationToken::new();
    let consumer = Consumer::builder(&place.bus(), format!("bench-{}", uuid::Uuid::now_v7()))
        .topics([Placed::TOPIC])
        .handler(Router::new().on(handler))
        .build()?;
    let running = tokio::spawn(consumer.run(stop.clone()));
    let relaying = Relaying::start(place, Arc::clone(outboxes) as _)?;
    let waker = &relaying.waker;
    let reading = one_by_one(place, &Commits { outboxes, waker }, &mut arrivals).await;
    relaying.end().await?;
    stop.cancel();
    running.await??;
    reading
}

async fn round_trip(place: &Place) -> anyhow::Result<Reading> {
    let (arrived, mut arrivals) = unbounded_channel();
    let stop = CancellationToken::new();
    let polling = poll(place, arrived, stop.clone())?;
    let settings = [
        ("acks", "all"),
        ("enable.idempotence", "true"),
        ("compression.type", "lz4"),
        ("linger.ms", "0"),
    ];
    let produces = Produces {
        producer: client(place, &settings).create()?,
        topic: place.bus().prefixed(Placed::TOPIC),
    };
    let reading = one_by_one(place, &produces, &mut arrivals).await;
    stop.cancel();
    let polled = tokio::task::spawn_blocking(|| polling.join()).await?;
    polled.map_err(|_| anyhow::anyhow!("the polling thread died"))??;
    reading
}

fn headers(record: &OutboundRecord) -> OwnedHeaders {
    let headers = record.envelope.to_headers().into_iter();
    headers.fold(OwnedHeaders::new(), |headers, (name, value)| {
        let value = Some(value.as_str());
        headers.insert(Header { key: &name, value })
    })
}

/// A thread that does nothing but poll, with the settings by which our consumer fetches.
fn poll(
    place: &Place,
    arrived: UnboundedSender<Instant>,
    stop: CancellationToken,
) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
    let group = format!("{}.rival-{}", place.run, uuid::Uuid::now_v7());
    let settings = [
        ("group.id", group.as_str()),
        ("auto.offset.reset", "earliest"),
        ("fetch.wait.max.ms", "100"),
        ("queued.max.messages.kbytes", "16384"),
        ("enable.auto.commit", "false"),
    ];
    let consumer: BaseConsumer = client(place, &settings).create()?;
    consumer.subscribe(&[&place.bus().prefixed(Placed::TOPIC)])?;
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

fn client(place: &Place, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &place.kafka);
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config
}
