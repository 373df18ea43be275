//! The relay: goes round the outboxes and drains each, a bounded share at a time.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use event_bus::{BreakerState, Producer};
use futures::StreamExt;
use sqlx::{Postgres, pool::PoolConnection};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tokio_util::{sync::CancellationToken, time::DelayQueue};

use crate::{Drained, drain_once, metrics};

/// Why an outbox could not be reached; only shown, never decided on.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// The name of one outbox, for instance a tenant's id.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct OutboxId(Arc<str>);

impl OutboxId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for OutboxId {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

impl From<&str> for OutboxId {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for OutboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How wide a sweep for forgotten rows is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sweep {
    /// Outboxes that are marked as possibly holding rows.
    Marked,
    /// Every outbox there is.
    All,
}

/// Where the outboxes are.
#[async_trait]
pub trait Outboxes: Send + Sync + 'static {
    /// The outboxes to look at in a sweep.
    async fn candidates(&self, sweep: Sweep) -> Result<Vec<OutboxId>, SourceError>;
    /// A connection whose `search_path` finds this outbox's table.
    async fn open(&self, outbox: &OutboxId) -> Result<PoolConnection<Postgres>, SourceError>;
    /// The outbox was found empty just now.
    async fn drained(&self, outbox: &OutboxId) -> Result<(), SourceError>;
}

/// Bounds of a relay.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    /// Outboxes drained side by side.
    pub parallel: usize,
    /// Rows of one outbox in flight: its share before the others have their turn.
    pub batch: i64,
    /// Time between sweeps over the marked outboxes.
    pub sweep_marked: Duration,
    /// Time between sweeps over all outboxes. One runs at the start.
    pub sweep_all: Duration,
    /// How long opening and draining one batch may take.
    pub deadline: Duration,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            parallel: 8,
            batch: 500,
            sweep_marked: Duration::from_secs(5),
            sweep_all: Duration::from_mins(5),
            deadline: Duration::from_mins(1),
        }
    }
}

/// Tells the relay that an outbox has new rows. Cheap to clone; never waits.
#[derive(Clone, Debug)]
pub struct Nudge(mpsc::Sender<OutboxId>);

impl Nudge {
    /// Asks for a look at `outbox`. A nudge that finds the queue full is dropped: the sweep finds the row.
    pub fn nudge(&self, outbox: OutboxId) {
        if self.0.try_send(outbox).is_err() {
            metrics::looked("nudge_dropped");
        }
    }
}

/// Drains outboxes until it is told to stop.
pub struct Relay {
    outboxes: Arc<dyn Outboxes>,
    producer: Arc<Producer>,
    settings: RelaySettings,
    nudges: mpsc::Receiver<OutboxId>,
}

impl Relay {
    /// A relay and the nudge that wakes it. Spawn [`Relay::run`].
    #[must_use]
    pub fn new(
        outboxes: Arc<dyn Outboxes>,
        producer: Arc<Producer>,
        settings: RelaySettings,
    ) -> (Self, Nudge) {
        let (sender, nudges) = mpsc::channel(16_384);
        (
            Self {
                outboxes,
                producer,
                settings,
                nudges,
            },
            Nudge(sender),
        )
    }

    /// Drains until `stop`, then looks once more at whatever was waiting, so that a clean shutdown leaves nothing to
    /// the next start's sweep.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut rounds = Rounds::default();
        let mut tasks = JoinSet::new();
        let mut marked = interval(self.settings.sweep_marked);
        let mut all = interval(self.settings.sweep_all);
        marked.set_missed_tick_behavior(MissedTickBehavior::Delay);
        all.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            while tasks.len() < self.settings.parallel
                && let Some(outbox) = rounds.next()
            {
                tasks.spawn(self.look(outbox));
            }
            metrics::waiting(rounds.ready.len() + rounds.delays.len());
            tokio::select! {
                () = stop.cancelled() => break,
                Some(outbox) = self.nudges.recv() => rounds.enqueue(outbox),
                Some(due) = rounds.delays.next(), if !rounds.delays.is_empty() => {
                    rounds.due(due.into_inner());
                }
                Some(look) = tasks.join_next() => rounds.finished(look),
                _ = marked.tick() => self.sweep(Sweep::Marked, &mut rounds).await,
                _ = all.tick() => self.sweep(Sweep::All, &mut rounds).await,
            }
        }
        while let Ok(outbox) = self.nudges.try_recv() {
            rounds.enqueue(outbox);
        }
        let last_look = async {
            loop {
                while tasks.len() < self.settings.parallel
                    && let Some(outbox) = rounds.next()
                {
                    tasks.spawn(self.look(outbox));
                }
                match tasks.join_next().await {
                    Some(look) => rounds.finished(look),
                    None => break,
                }
            }
        };
        if timeout(Duration::from_secs(5), last_look).await.is_err() {
            tracing::info!(
                "relay stopped before every outbox was looked at; the next start sweeps"
            );
        }
    }

    async fn sweep(&self, sweep: Sweep, rounds: &mut Rounds) {
        match timeout(Duration::from_secs(5), self.outboxes.candidates(sweep)).await {
            Ok(Ok(found)) => found.into_iter().for_each(|outbox| rounds.enqueue(outbox)),
            Ok(Err(error)) => {
                tracing::warn!(%error, ?sweep, "outboxes cannot be listed; next sweep tries again");
            }
            Err(_) => tracing::warn!(
                ?sweep,
                "listing outboxes took too long; next sweep tries again"
            ),
        }
    }

    fn look(&self, outbox: OutboxId) -> impl Future<Output = Look> + Send + 'static {
        let (outboxes, producer) = (Arc::clone(&self.outboxes), Arc::clone(&self.producer));
        let (batch, deadline) = (self.settings.batch, self.settings.deadline);
        async move {
            // While Kafka is known to be away no database is bothered with a claim that comes to nothing.
            if producer.state() == BreakerState::Open {
                let found = Drained::Stuck("kafka is away".to_owned());
                return Look { outbox, found };
            }
            let attempt = async {
                let mut conn = outboxes.open(&outbox).await?;
                let drained = drain_once(&mut conn, &producer, batch).await?;
                drop(conn);
                if drained == Drained::Empty {
                    outboxes.drained(&outbox).await?;
                }
                Ok::<_, SourceError>(drained)
            };
            let found = match timeout(deadline, attempt).await {
                Ok(Ok(drained)) => drained,
                Ok(Err(error)) => Drained::Stuck(error.to_string()),
                Err(_) => Drained::Stuck(format!("no answer within {deadline:?}")),
            };
            Look { outbox, found }
        }
    }
}

struct Look {
    outbox: OutboxId,
    found: Drained,
}

/// Whose turn it is. An outbox is in one place only: in line, being looked at, or waiting for its next try.
#[derive(Default)]
struct Rounds {
    ready: VecDeque<OutboxId>,
    known: HashSet<OutboxId>,
    looking: HashMap<OutboxId, Again>,
    delays: DelayQueue<OutboxId>,
    failures: HashMap<OutboxId, u32>,
}

/// Whether a nudge came while the outbox was being looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Yes,
    No,
}

const LOOK_AGAIN: Duration = Duration::from_millis(25);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Rounds {
    fn enqueue(&mut self, outbox: OutboxId) {
        if let Some(again) = self.looking.get_mut(&outbox) {
            *again = Again::Yes;
        } else if self.known.insert(outbox.clone()) {
            self.ready.push_back(outbox);
        }
    }

    fn next(&mut self) -> Option<OutboxId> {
        let outbox = self.ready.pop_front()?;
        self.known.remove(&outbox);
        self.looking.insert(outbox.clone(), Again::No);
        Some(outbox)
    }

    fn finished(&mut self, look: Result<Look, tokio::task::JoinError>) {
        let Look { outbox, found } = match look {
            Ok(look) => look,
            Err(error) => {
                tracing::error!(%error, "a look at an outbox ended abnormally");
                // Which one is not known any more: let every one be looked at again.
                let lost: Vec<_> = self.looking.drain().map(|(outbox, _)| outbox).collect();
                for outbox in lost {
                    self.enqueue(outbox);
                }
                return;
            }
        };
        let again = self.looking.remove(&outbox).unwrap_or(Again::No);
        match found {
            Drained::Stuck(reason) => {
                metrics::looked("stuck");
                let failures = self.failures.entry(outbox.clone()).or_default();
                *failures = failures.saturating_add(1);
                let pause = (FIRST_PAUSE * 2u32.saturating_pow(failures.saturating_sub(1).min(10)))
                    .min(LONGEST_PAUSE);
                tracing::warn!(%outbox, reason, pause_ms = pause.as_millis(), "outbox waits");
                self.later(outbox, pause);
            }
            Drained::Busy => {
                metrics::looked("busy");
                self.later(outbox, LOOK_AGAIN);
            }
            Drained::More => {
                metrics::looked("more");
                self.failures.remove(&outbox);
                self.enqueue(outbox);
            }
            Drained::Empty => {
                metrics::looked("empty");
                self.failures.remove(&outbox);
                if again == Again::Yes {
                    self.enqueue(outbox);
                }
            }
        }
    }

    /// Its pause is over.
    fn due(&mut self, outbox: OutboxId) {
        self.known.remove(&outbox);
        self.enqueue(outbox);
    }

    /// A waiting outbox counts as known, so nudges do not bring it forward: in an outage the pause holds.
    fn later(&mut self, outbox: OutboxId, pause: Duration) {
        if self.known.insert(outbox.clone()) {
            self.delays.insert_at(outbox, Instant::now() + pause);
        }
    }
}

#[cfg(test)]
mod tests;
