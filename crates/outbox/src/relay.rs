//! The relay: drains many outboxes round-robin, one batch at a time.

mod drainer;
mod limits;
mod outboxes;
mod round_robin_queue;
mod settings;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use event_bus::Producer;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{backlog_gauges::BacklogGauges, metrics};
use drainer::{DrainAttempt, Drainer};
use limits::ConcurrencyLimits;
use round_robin_queue::RoundRobinQueue;

pub use outboxes::{OutboxId, Outboxes, SourceError, Sweep};
pub use settings::RelaySettings;

/// Capacity of the channel of wake-ups.
const WAKE_UPS: usize = 16_384;
/// Time for the final drain attempts after the relay was stopped.
const FINAL_DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// A handle that tells the relay that an outbox has new rows. Cheap to clone; never blocks.
#[derive(Clone, Debug)]
pub struct RelayWaker(mpsc::Sender<OutboxId>);

impl RelayWaker {
    /// Requests a drain attempt for `outbox`. The request is dropped if the channel is full; a sweep finds the rows.
    pub fn wake(&self, outbox: OutboxId) {
        if self.0.try_send(outbox).is_err() {
            metrics::count_attempt("nudge_dropped");
        }
    }
}

/// A background task that moves rows from outboxes to Kafka until it is stopped.
pub struct Relay {
    drainer: Arc<Drainer>,
    settings: RelaySettings,
    wake_ups: mpsc::Receiver<OutboxId>,
}

/// The state of a running relay.
struct State {
    queue: RoundRobinQueue,
    limits: ConcurrencyLimits,
    gauges: BacklogGauges,
    attempts: JoinSet<DrainAttempt>,
    sweeps: JoinSet<SweepResult>,
    /// The kinds of sweep in `sweeps`, at most one of each.
    sweeping: HashSet<Sweep>,
}

/// The outboxes found by a sweep.
type SweepResult = (Sweep, Result<Vec<OutboxId>, SourceError>);

impl Relay {
    /// Creates a relay and the handle that wakes it. Spawn [`Relay::run`] to start it.
    #[must_use]
    pub fn new(
        outboxes: Arc<dyn Outboxes>,
        producer: Arc<Producer>,
        settings: RelaySettings,
    ) -> (Self, RelayWaker) {
        let (sender, wake_ups) = mpsc::channel(WAKE_UPS);
        let drainer = Drainer {
            outboxes,
            producer,
            settings: settings.clone(),
            queue_is_empty: AtomicBool::new(false),
        };
        let relay = Self {
            drainer: Arc::new(drainer),
            settings,
            wake_ups,
        };
        (relay, RelayWaker(sender))
    }

    /// Runs the relay until `stop` is cancelled, then drains the queued outboxes once more for up to five seconds, so
    /// that a clean shutdown leaves no rows to the sweep of the next start.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut state = State {
            queue: RoundRobinQueue::default(),
            limits: ConcurrencyLimits::new(&self.settings),
            gauges: BacklogGauges::default(),
            attempts: JoinSet::new(),
            sweeps: JoinSet::new(),
            sweeping: HashSet::new(),
        };
        let mut dirty = interval(self.settings.dirty_sweep_interval);
        let mut full = interval(self.settings.full_sweep_interval);
        dirty.set_missed_tick_behavior(MissedTickBehavior::Delay);
        full.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.start_attempts(&mut state);
            tokio::select! {
                () = stop.cancelled() => break,
                Some(outbox) = self.wake_ups.recv() => state.queue.enqueue(outbox),
                () = state.queue.delay_expired() => {}
                () = state.limits.primary_released() => {}
                Some(attempt) = state.attempts.join_next_with_id() => state.attempt_finished(attempt),
                Some(sweep) = state.sweeps.join_next() => state.sweep_finished(sweep),
                _ = dirty.tick() => self.start_sweep(Sweep::Dirty, &mut state),
                _ = full.tick() => self.start_sweep(Sweep::All, &mut state),
            }
        }
        while let Ok(outbox) = self.wake_ups.try_recv() {
            state.queue.enqueue(outbox);
        }
        let final_drain = async {
            loop {
                self.start_attempts(&mut state);
                match state.attempts.join_next_with_id().await {
                    Some(attempt) => state.attempt_finished(attempt),
                    None => break,
                }
            }
        };
        if timeout(FINAL_DRAIN_TIMEOUT, final_drain).await.is_err() {
            tracing::info!(
                "relay stopped before all queued outboxes were drained; the next start sweeps them"
            );
        }
    }

    /// Starts attempts while an outbox is queued and a permit is available.
    fn start_attempts(&self, state: &mut State) {
        while let Some((attempt, permit)) = state.queue.next(&state.limits) {
            let outbox = attempt.outbox.clone();
            let draining = Arc::clone(&self.drainer).drain(attempt, permit);
            let task = state.attempts.spawn(draining).id();
            state.queue.started(task, outbox);
        }
        // Relaxed: an attempt that reads a stale value makes one follow-up claim too many.
        self.drainer
            .queue_is_empty
            .store(state.queue.is_empty(), Ordering::Relaxed);
        metrics::set_waiting(state.queue.waiting());
    }

    /// Starts a sweep in its own task, because the source of the list can be slow too.
    fn start_sweep(&self, sweep: Sweep, state: &mut State) {
        state.gauges.export();
        if !state.sweeping.insert(sweep) {
            return;
        }
        let (drainer, limit) = (Arc::clone(&self.drainer), self.settings.publish_timeout);
        state.sweeps.spawn(async move {
            let candidates = timeout(limit, drainer.outboxes.candidates(sweep));
            let timed_out = |_| Err(format!("no response within {limit:?}").into());
            (sweep, candidates.await.unwrap_or_else(timed_out))
        });
    }
}

impl State {
    fn sweep_finished(&mut self, result: Result<SweepResult, tokio::task::JoinError>) {
        match result {
            Ok((sweep, candidates)) => {
                self.sweeping.remove(&sweep);
                match candidates {
                    Ok(outboxes) => outboxes
                        .into_iter()
                        .for_each(|outbox| self.queue.enqueue_swept(outbox, sweep)),
                    Err(error) => tracing::warn!(
                        %error, ?sweep,
                        "cannot list outboxes, the next sweep retries"
                    ),
                }
            }
            Err(error) => {
                tracing::error!(%error, "sweep panicked");
                // The kind of the sweep is unknown here, so both may start again.
                self.sweeping.clear();
            }
        }
    }

    fn attempt_finished(
        &mut self,
        result: Result<(tokio::task::Id, DrainAttempt), tokio::task::JoinError>,
    ) {
        match result {
            Ok((task, attempt)) => {
                if let Some(backlog) = attempt.backlog {
                    self.gauges.set_backlog(&attempt.outbox, backlog);
                }
                if let Some(refused) = attempt.refused {
                    self.gauges.set_refused(&attempt.outbox, refused);
                }
                self.queue.finished(task, attempt.outbox, attempt.outcome);
            }
            Err(error) => {
                tracing::error!(%error, "drain attempt panicked");
                self.queue.panicked(error.id());
            }
        }
    }
}
