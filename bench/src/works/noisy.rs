//! The effect of one tenant with a hundred times the load on the latency of the others.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::bail;
use async_trait::async_trait;
use event_bus::{Consumer, Event as _, Failure, OutboundRecord, Received, Router};
use outbox::RelayWaker;
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Against, Bound, Figure, Goal, Side, Work,
    event::{Placed, placed},
    outboxes::{self, Relaying, Schemas},
    schedule::{Planned, QUIET, schedule},
    timer::Timers,
    topics,
};
use crate::{
    environment::Environment,
    reading::{Clock, Latency, Reading},
};

/// Wait of a handler, so that permits are contended.
const WORK: Duration = Duration::from_millis(1);
/// Time limit of an event, including joining the group.
const PATIENCE: Duration = Duration::from_mins(2);

pub struct Noisy;

#[async_trait]
impl Work for Noisy {
    fn name(&self) -> &'static str {
        "noisy"
    }

    fn title(&self) -> &'static str {
        "from commit to handler, 20 tenants with 5 events a second each, one more with 500"
    }

    fn sides(&self) -> &'static [Side] {
        const {
            &[
                Side::every(
                    "alone",
                    "the 20 tenants without the noisy one, from the moment each commit was due",
                ),
                Side::every(
                    "with a noisy tenant",
                    "the same 20, and a tenant that commits 500 events a second, one by one",
                ),
            ]
        }
    }

    fn goals(&self) -> &'static [Goal] {
        const {
            &[
                beside_alone(Figure::P99, Some(Bound::AtMost(1.5))),
                beside_alone(Figure::P50, None),
                beside_alone(Figure::Also("p99_after_commit"), None),
            ]
        }
    }

    async fn ready(&self, environment: &Environment, side: &str) -> anyhow::Result<()> {
        topics::recreate(environment, &[Placed::TOPIC], 6).await?;
        outboxes::recreate(environment, self.name(), tenants(side)?).await
    }

    async fn run(&self, environment: &Environment, side: &str) -> anyhow::Result<Reading> {
        let outboxes = Schemas::open(environment, self.name(), tenants(side)?)?;
        let path = Arc::new(Path::new(outboxes, schedule(environment, tenants(side)?)?));
        timed(environment, &path).await
    }

    async fn clean(&self, environment: &Environment) -> anyhow::Result<()> {
        outboxes::drop_all(environment, self.name()).await
    }
}

const fn beside_alone(figure: Figure, bound: Option<Bound>) -> Goal {
    Goal {
        side: "with a noisy tenant",
        figure,
        against: Against::Side("alone"),
        bound,
    }
}

fn tenants(side: &str) -> anyhow::Result<usize> {
    match side {
        "alone" => Ok(QUIET),
        "with a noisy tenant" => Ok(QUIET + 1),
        other => bail!("unknown side {other:?}"),
    }
}

/// The events, with the times of their commits and handlers.
struct Path {
    outboxes: Arc<Schemas>,
    events: Vec<Planned>,
    numbers: HashMap<Uuid, usize>,
    committed: Vec<OnceLock<Instant>>,
    handled: Vec<OnceLock<Instant>>,
    /// Measured events that are not handled yet.
    missing: AtomicUsize,
    all: Notify,
    met: Notify,
    timers: Timers,
}

impl Path {
    fn new(outboxes: Arc<Schemas>, events: Vec<Planned>) -> Self {
        let ids = events.iter().map(|planned| planned.record.envelope.id);
        let numbers = ids.enumerate().map(|(number, id)| (id, number)).collect();
        let unset = || events.iter().map(|_| OnceLock::new()).collect();
        let missing = events.iter().filter(|planned| planned.counts).count();
        Self {
            numbers,
            committed: unset(),
            handled: unset(),
            missing: AtomicUsize::new(missing),
            all: Notify::new(),
            met: Notify::new(),
            timers: Timers::default(),
            outboxes,
            events,
        }
    }

    async fn handle(self: Arc<Self>, placed: Received<Placed>) -> Result<(), Failure> {
        let now = Instant::now();
        if let Some(number) = self.numbers.get(&placed.envelope.id).copied() {
            if self.handled[number].set(now).is_ok()
                && self.events[number].counts
                && self.missing.fetch_sub(1, Ordering::Relaxed) == 1
            {
                self.all.notify_one();
            }
        } else {
            self.met.notify_one();
        }
        self.timers.sleep(WORK).await.map_err(Failure::permanent)
    }

    /// Commits an event and wakes the relay.
    async fn commit(
        &self,
        outbox: usize,
        record: &OutboundRecord,
        waker: &RelayWaker,
    ) -> anyhow::Result<Instant> {
        let mut transaction = self.outboxes.begin(outbox).await?;
        outbox::append(&mut transaction, record).await?;
        transaction.commit().await?;
        let committed = Instant::now();
        waker.wake(outboxes::name(outbox).into());
        Ok(committed)
    }

    /// Commits each event when it is due, independent of the duration of others.
    async fn commit_all(self: Arc<Self>, began: Instant, waker: RelayWaker) -> anyhow::Result<()> {
        let mut commits = JoinSet::new();
        for (number, planned) in self.events.iter().enumerate() {
            self.timers.sleep_until(began + planned.due).await?;
            let (path, waker) = (Arc::clone(&self), waker.clone());
            commits.spawn(async move {
                let Planned { outbox, record, .. } = &path.events[number];
                let committed = path.commit(*outbox, record, &waker).await?;
                path.committed[number].get_or_init(|| committed);
                anyhow::Ok(())
            });
            while let Some(ended) = commits.try_join_next() {
                ended??;
            }
        }
        while let Some(ended) = commits.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// Returns the latencies of the measured events, from `since` to the handler's first line.
    fn times(&self, since: impl Fn(usize) -> Option<Instant>) -> Vec<Duration> {
        let numbers = (0..self.events.len()).filter(|number| self.events[*number].counts);
        let times = numbers.filter_map(|number| {
            let handled = self.handled[number].get()?;
            Some(handled.saturating_duration_since(since(number)?))
        });
        times.collect()
    }
}

async fn timed(environment: &Environment, path: &Arc<Path>) -> anyhow::Result<Reading> {
    let handler = {
        let path = Arc::clone(path);
        move |placed: Received<Placed>| Arc::clone(&path).handle(placed)
    };
    let stop = CancellationToken::new();
    let consumer = Consumer::builder(&environment.bus(), format!("bench-{}", Uuid::now_v7()))
        .topics([Placed::TOPIC])
        .handler(Router::new().on(handler))
        .build()?;
    path.outboxes.connect().await?;
    let running = tokio::spawn(consumer.run(stop.clone()));
    let relaying = Relaying::start(environment, Arc::clone(&path.outboxes) as _)?;
    // A first event ensures that relay and consumer are running.
    path.commit(0, &placed(0, u64::MAX / 2, 1)?, &relaying.waker)
        .await?;
    tokio::time::timeout(PATIENCE, path.met.notified()).await?;

    let (clock, began) = (Clock::own(), Instant::now());
    Arc::clone(path)
        .commit_all(began, relaying.waker.clone())
        .await?;
    tokio::time::timeout(PATIENCE, path.all.notified()).await?;
    let reading = clock.read(path.events.len() as u64);
    let reading = told(path, began, reading);
    relaying.end().await?;
    stop.cancel();
    running.await??;
    Ok(reading)
}

/// `behind`: unhandled events when the last measured one was handled; many of them mean that the machine was overloaded.
fn told(path: &Path, began: Instant, mut reading: Reading) -> Reading {
    let behind = path
        .handled
        .iter()
        .filter(|handled| handled.get().is_none());
    #[allow(clippy::cast_precision_loss)]
    let behind = behind.count() as f64;
    let after_commit = Latency::of(path.times(|number| path.committed[number].get().copied()));
    reading.latency = Some(Latency::of(
        path.times(|number| Some(began + path.events[number].due)),
    ));
    let also = [("p99_after_commit", after_commit.p99), ("behind", behind)];
    reading.also = also.map(|(name, value)| (name.to_owned(), value)).into();
    reading
}
