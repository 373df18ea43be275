//! Keyed concurrency: waiting handlers, one per lane, and one at a time per aggregate.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{anyhow, bail};
use async_trait::async_trait;
use event_bus::{Consumer, Envelope, Event as _, Failure, OutboundRecord, Received, Router};
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    Against, Bound, Figure, Goal, Side, Work,
    event::{self, Placed, placed},
    timer::{Timers, drawn},
    topics,
};
use crate::{
    environment::Environment,
    reading::{Clock, Reading},
};

/// Events per turn, which is also the size of the log.
const EVENTS: u64 = 10_000;
/// Number of events of the sequential side, which is slow.
const SINGLE: u64 = 1_000;
const TENANTS: u64 = 100;
/// Enough aggregates for 100 lanes to be busy.
const AGGREGATES: u64 = 1_000;
/// Maximum wait of a handler, in microseconds.
const LONGEST: u64 = 5_000;
/// Time limit; exceeded only if something hangs.
const PATIENCE: Duration = Duration::from_mins(3);

pub struct Keyed;

#[async_trait]
impl Work for Keyed {
    fn name(&self) -> &'static str {
        "keyed"
    }

    fn title(&self) -> &'static str {
        "handle events of 1,000 aggregates, 0 to 5 ms each, in order within each aggregate"
    }

    fn sides(&self) -> &'static [Side] {
        const {
            &[
                Side::every("16 lanes", "a consumer that handles 16 at a time"),
                Side::every("100 lanes", "a consumer that handles 100 at a time"),
                Side::every(
                    "100 tasks",
                    "the limit: the same events from memory, handled by 100 tasks; no bus, no log",
                ),
                Side::every(
                    "one after the other",
                    "a consumer that handles one at a time, the first tenth of the events; Confluent's Parallel \
                     Consumer is published to be 10.8 times as fast with 16 threads as without",
                ),
            ]
        }
    }

    fn goals(&self) -> &'static [Goal] {
        const {
            &[
                own("16 lanes", "of_ideal", None),
                own("100 lanes", "of_ideal", None),
                own("16 lanes", "of_asked", Some(Bound::AtLeast(0.9))),
                own("100 lanes", "of_asked", Some(Bound::AtLeast(0.9))),
                own("16 lanes", "inversions", Some(Bound::AtMost(0.0))),
                own("100 lanes", "inversions", Some(Bound::AtMost(0.0))),
                own("100 tasks", "of_asked", None),
                Goal {
                    side: "100 lanes",
                    figure: Figure::Rate,
                    against: Against::Side("100 tasks"),
                    bound: None,
                },
                faster("16 lanes"),
                faster("100 lanes"),
            ]
        }
    }

    async fn prepare(&self, environment: &Environment) -> anyhow::Result<()> {
        topics::recreate(environment, &[Placed::TOPIC], 6).await?;
        event::publish(environment, environment.scaled(EVENTS), made).await
    }

    async fn run(&self, environment: &Environment, side: &str) -> anyhow::Result<Reading> {
        match side {
            "16 lanes" => handled(environment, 16, environment.scaled(EVENTS)).await,
            "100 lanes" => handled(environment, 100, environment.scaled(EVENTS)).await,
            "100 tasks" => bare(100, environment.scaled(EVENTS)).await,
            "one after the other" => handled(environment, 1, environment.scaled(SINGLE)).await,
            other => bail!("unknown side {other:?}"),
        }
    }
}

/// Returns the event with this number.
fn made(n: u64) -> anyhow::Result<OutboundRecord> {
    placed(n % TENANTS, n % AGGREGATES, n / AGGREGATES + 1)
}

const fn own(side: &'static str, figure: &'static str, bound: Option<Bound>) -> Goal {
    Goal {
        side,
        figure: Figure::Also(figure),
        against: Against::Itself,
        bound,
    }
}

const fn faster(side: &'static str) -> Goal {
    Goal {
        side,
        figure: Figure::Rate,
        against: Against::Side("one after the other"),
        bound: None,
    }
}

/// Measured from the start of the first handler to the end of the last, so joining the group is excluded.
async fn handled(environment: &Environment, lanes: u16, events: u64) -> anyhow::Result<Reading> {
    let watch = Arc::new(Watch::new(events));
    let handler = {
        let watch = Arc::clone(&watch);
        move |placed: Received<Placed>| {
            let watch = Arc::clone(&watch);
            async move { watch.handle(&placed.envelope).await }
        }
    };
    let stop = CancellationToken::new();
    let consumer = Consumer::builder(
        &environment.bus(),
        format!("bench-{}", uuid::Uuid::now_v7()),
    )
    .topics([Placed::TOPIC])
    .handler(Router::new().on(handler))
    .parallel(lanes.into())
    .build()?;
    let running = tokio::spawn(consumer.run(stop.clone()));
    tokio::time::timeout(PATIENCE, watch.first.notified()).await?;
    let clock = Clock::own();
    tokio::time::timeout(PATIENCE, watch.all.notified()).await?;
    let reading = clock.read(events);
    let reading = watch.seen().told(reading, lanes);
    stop.cancel();
    running.await??;
    Ok(reading)
}

/// Handles the same events with as many tasks as lanes, which shows the cost of handlers and timers alone. Order is not
/// enforced; it holds because events of the same aggregate are a thousand events apart.
async fn bare(tasks: u16, events: u64) -> anyhow::Result<Reading> {
    let made = (0..events).map(|n| Ok(made(n)?.envelope));
    let made = made.collect::<anyhow::Result<Vec<_>>>()?;
    let waiting = Arc::new(Mutex::new(made.into_iter()));
    let watch = Arc::new(Watch::new(events));
    let mut running = JoinSet::new();
    let clock = Clock::own();
    for _ in 0..tasks {
        let (watch, waiting) = (Arc::clone(&watch), Arc::clone(&waiting));
        let next = move || {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.next()
        };
        running.spawn(async move {
            while let Some(envelope) = next() {
                watch.handle(&envelope).await?;
            }
            Ok::<_, Failure>(())
        });
    }
    for ended in running.join_all().await {
        ended.map_err(|failure| anyhow!("{failure}"))?;
    }
    let reading = clock.read(events);
    Ok(watch.seen().told(reading, tasks))
}

/// Observes the start and end of every handler.
struct Watch {
    events: u64,
    timers: Timers,
    seen: Mutex<Seen>,
    first: Notify,
    all: Notify,
}

impl Watch {
    fn new(events: u64) -> Self {
        Self {
            events,
            timers: Timers::default(),
            seen: Mutex::default(),
            first: Notify::new(),
            all: Notify::new(),
        }
    }

    async fn handle(&self, envelope: &Envelope) -> Result<(), Failure> {
        let count = self
            .seen()
            .begin(&envelope.subject, envelope.sequence, Instant::now());
        if count > self.events {
            return Ok(());
        }
        if count == 1 {
            self.first.notify_one();
        }
        let asked = length(envelope);
        let began = Instant::now();
        let slept = self.timers.sleep(asked).await;
        let slept = slept.map(|()| began.elapsed());
        let slept = slept.map_err(Failure::permanent)?;
        let count = self
            .seen()
            .end(&envelope.subject, asked, slept, Instant::now());
        if count == self.events {
            self.all.notify_one();
        }
        Ok(())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the wait of an event's handler, which is equal for all sides and runs.
fn length(envelope: &Envelope) -> Duration {
    let subject = uuid::Uuid::try_parse(&envelope.subject).unwrap_or_default();
    let (high, low) = subject.as_u64_pair();
    let seed = high ^ low.rotate_left(32) ^ (envelope.sequence << 16);
    Duration::from_micros(drawn(seed, LONGEST + 1))
}

/// The observations.
#[derive(Default)]
struct Seen {
    first: Option<Instant>,
    last: Option<Instant>,
    begun: u64,
    ended: u64,
    asked: Duration,
    slept: Duration,
    inversions: u64,
    aggregates: HashMap<String, Aggregate>,
}

#[derive(Default)]
struct Aggregate {
    /// The sequence that started last.
    sequence: u64,
    /// Handlers that are running.
    running: u64,
}

impl Seen {
    /// Records a start, and returns the number of starts.
    fn begin(&mut self, subject: &str, sequence: u64, now: Instant) -> u64 {
        self.first.get_or_insert(now);
        let aggregate = self.aggregates.entry(subject.to_owned()).or_default();
        if aggregate.running > 0 || sequence != aggregate.sequence + 1 {
            self.inversions += 1;
        }
        aggregate.sequence = sequence;
        aggregate.running += 1;
        self.begun += 1;
        self.begun
    }

    /// Records an end, and returns the number of ends.
    fn end(&mut self, subject: &str, asked: Duration, slept: Duration, now: Instant) -> u64 {
        if let Some(aggregate) = self.aggregates.get_mut(subject) {
            aggregate.running -= 1;
        }
        self.last = Some(now);
        self.asked += asked;
        self.slept += slept;
        self.ended += 1;
        self.ended
    }

    /// `of_ideal`: the actual waits divided by the number of lanes, as a fraction of the elapsed time.
    /// `of_asked`: the same with the requested waits, which late timers exceed.
    fn told(&self, mut reading: Reading, lanes: u16) -> Reading {
        if let (Some(first), Some(last)) = (self.first, self.last) {
            reading.seconds = (last - first).as_secs_f64();
        }
        let part = |waits: Duration| waits.as_secs_f64() / f64::from(lanes) / reading.seconds;
        #[allow(clippy::cast_precision_loss)]
        let also = [
            ("of_ideal", part(self.slept)),
            ("of_asked", part(self.asked)),
            ("inversions", self.inversions as f64),
        ];
        reading.also = also.map(|(name, value)| (name.to_owned(), value)).into();
        reading
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    fn end(seen: &mut Seen, subject: &str, now: Instant) {
        seen.end(subject, MILLI, MILLI, now);
    }

    #[test]
    fn a_skipped_a_repeated_and_an_overlapping_event_are_inversions() {
        let (mut seen, now) = (Seen::default(), Instant::now());
        for sequence in [1, 2, 4, 4] {
            seen.begin("a", sequence, now);
            end(&mut seen, "a", now);
        }
        assert_eq!(seen.inversions, 2);
        seen.begin("a", 5, now);
        seen.begin("b", 1, now);
        assert_eq!(seen.inversions, 2);
        seen.begin("b", 2, now);
        assert_eq!(seen.inversions, 3);
    }

    #[test]
    fn the_ideal_spreads_what_was_slept_over_the_lanes() {
        let (mut seen, now) = (Seen::default(), Instant::now());
        for subject in ["a", "b"] {
            seen.begin(subject, 1, now);
        }
        seen.end("a", MILLI, 2 * MILLI, now + 2 * MILLI);
        seen.end("b", MILLI, 2 * MILLI, now + 4 * MILLI);
        let reading = seen.told(Clock::own().read(2), 2);
        assert!((reading.seconds - 0.004).abs() < 1e-9);
        assert!((reading.also["of_ideal"] - 0.5).abs() < 1e-9);
        assert!((reading.also["of_asked"] - 0.25).abs() < 1e-9);
    }
}
