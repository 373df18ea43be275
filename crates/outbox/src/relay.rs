//! The relay: goes round the outboxes and drains each, a bounded share at a time.

mod look;
mod rounds;
mod slots;

use std::{
    collections::HashSet,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use event_bus::Producer;
use sqlx::{Postgres, pool::PoolConnection};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{backlog::Backlogs, metrics};
use look::{Look, Looker};
use rounds::Rounds;
use slots::Slots;

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
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
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
    /// Outboxes drained side by side. One whose database keeps it waiting gives its place up to another; of those
    /// there are at most eight times as many.
    pub parallel: usize,
    /// Outboxes tried again side by side whose databases did not answer the last time: they have places of their own,
    /// so that however many they are, they take none from the others.
    pub parallel_retries: usize,
    /// Rows of one outbox in flight: its share before the others have their turn. With nobody else in line it goes on
    /// with up to seven larger ones, of four such shares each, under the same lease. Payloads of more than 16 MiB end a share early.
    pub batch: i64,
    /// Time between sweeps over the marked outboxes.
    pub sweep_marked: Duration,
    /// Time between sweeps over all outboxes. One runs at the start.
    pub sweep_all: Duration,
    /// How long a database may take to give a connection, and to give the rows. Longer, and the outbox waits with a
    /// growing pause.
    pub patience: Duration,
    /// How long publishing and deleting may take. Whoever is cut off here publishes the same rows again. At most a
    /// minute, which is how long the lease's session may wait.
    pub deadline: Duration,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            parallel: 8,
            parallel_retries: 4,
            batch: 500,
            sweep_marked: Duration::from_secs(5),
            sweep_all: Duration::from_mins(5),
            patience: Duration::from_secs(2),
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
    looker: Arc<Looker>,
    settings: RelaySettings,
    nudges: mpsc::Receiver<OutboxId>,
}

/// What a running relay keeps of its outboxes.
struct State {
    rounds: Rounds,
    slots: Slots,
    backlogs: Backlogs,
    looks: JoinSet<Look>,
    /// Lists being asked for, at most one of each kind.
    listings: JoinSet<Listing>,
    listing: HashSet<Sweep>,
}

/// What a sweep found, or why it found nothing.
type Listing = (Sweep, Result<Vec<OutboxId>, SourceError>);

impl Relay {
    /// A relay and the nudge that wakes it. Spawn [`Relay::run`].
    #[must_use]
    pub fn new(
        outboxes: Arc<dyn Outboxes>,
        producer: Arc<Producer>,
        settings: RelaySettings,
    ) -> (Self, Nudge) {
        let (sender, nudges) = mpsc::channel(16_384);
        let looker = Looker {
            outboxes,
            producer,
            settings: settings.clone(),
            alone: AtomicBool::new(false),
        };
        (
            Self {
                looker: Arc::new(looker),
                settings,
                nudges,
            },
            Nudge(sender),
        )
    }

    /// Drains until `stop`, then looks once more at whatever was waiting, so that a clean shutdown leaves nothing to
    /// the next start's sweep.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut state = State {
            rounds: Rounds::default(),
            slots: Slots::new(&self.settings),
            backlogs: Backlogs::default(),
            looks: JoinSet::new(),
            listings: JoinSet::new(),
            listing: HashSet::new(),
        };
        let mut marked = interval(self.settings.sweep_marked);
        let mut all = interval(self.settings.sweep_all);
        marked.set_missed_tick_behavior(MissedTickBehavior::Delay);
        all.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.take_turns(&mut state);
            tokio::select! {
                () = stop.cancelled() => break,
                Some(outbox) = self.nudges.recv() => state.rounds.enqueue(outbox),
                () = state.rounds.pause_over() => {}
                () = state.slots.given_up() => {}
                Some(look) = state.looks.join_next_with_id() => state.finished(look),
                Some(listing) = state.listings.join_next() => state.listed(listing),
                _ = marked.tick() => self.sweep(Sweep::Marked, &mut state),
                _ = all.tick() => self.sweep(Sweep::All, &mut state),
            }
        }
        while let Ok(outbox) = self.nudges.try_recv() {
            state.rounds.enqueue(outbox);
        }
        let last_look = async {
            loop {
                self.take_turns(&mut state);
                match state.looks.join_next_with_id().await {
                    Some(look) => state.finished(look),
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

    /// Begins as many looks as there are free places.
    fn take_turns(&self, state: &mut State) {
        while let Some((turn, slot)) = state.rounds.next(&state.slots) {
            let look = Arc::clone(&self.looker).look(turn.clone(), slot);
            let id = state.looks.spawn(look).id();
            state.rounds.began(id, turn.outbox);
        }
        // Relaxed: a look that learns a moment late that somebody waits publishes one share more.
        self.looker
            .alone
            .store(state.rounds.nobody_waits(), Ordering::Relaxed);
        metrics::waiting(state.rounds.waiting());
    }

    /// Asks for the list beside everything else: where it is kept may be slow too.
    fn sweep(&self, sweep: Sweep, state: &mut State) {
        state.backlogs.show();
        if !state.listing.insert(sweep) {
            return;
        }
        let (looker, deadline) = (Arc::clone(&self.looker), self.settings.deadline);
        state.listings.spawn(async move {
            let listing = timeout(deadline, looker.outboxes.candidates(sweep));
            let late = |_| Err(format!("no answer within {deadline:?}").into());
            (sweep, listing.await.unwrap_or_else(late))
        });
    }
}

impl State {
    fn listed(&mut self, listing: Result<Listing, tokio::task::JoinError>) {
        match listing {
            Ok((sweep, found)) => {
                self.listing.remove(&sweep);
                match found {
                    Ok(found) => found
                        .into_iter()
                        .for_each(|outbox| self.rounds.swept(outbox, sweep)),
                    Err(error) => tracing::warn!(
                        %error, ?sweep,
                        "outboxes cannot be listed; next sweep tries again"
                    ),
                }
            }
            Err(error) => {
                tracing::error!(%error, "a sweep ended abnormally");
                // Which one is not known: both may begin again.
                self.listing.clear();
            }
        }
    }

    fn finished(&mut self, ended: Result<(tokio::task::Id, Look), tokio::task::JoinError>) {
        match ended {
            Ok((id, look)) => {
                if let Some(backlog) = look.backlog {
                    self.backlogs.left(&look.outbox, backlog);
                }
                if let Some(refused) = look.refused {
                    self.backlogs.refused(&look.outbox, refused);
                }
                self.rounds.finished(id, look.outbox, look.found);
            }
            Err(error) => {
                tracing::error!(%error, "a look at an outbox ended abnormally");
                self.rounds.died(error.id());
            }
        }
    }
}
