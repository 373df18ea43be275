//! The order in which outboxes are drained.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use futures::StreamExt;
use tokio::{task, time::Instant};
use tokio_util::time::DelayQueue;

use super::{
    OutboxId, Sweep,
    drainer::AttemptOutcome,
    limits::{AttemptPermit, ConcurrencyLimits, DatabaseHealth},
};
use crate::{DrainOutcome, metrics};

/// Delay before an outbox whose lease is held by another relay is tried again.
const BUSY_DELAY: Duration = Duration::from_millis(25);
const MIN_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// A round-robin queue of outboxes. An outbox is in exactly one state: idle, queued, running or delayed.
#[derive(Default)]
pub(super) struct RoundRobinQueue {
    ready: VecDeque<OutboxId>,
    /// Outboxes queued for a retry because their database did not respond.
    retries: VecDeque<OutboxId>,
    /// All outboxes in `ready`, `retries` or `delayed`.
    queued: HashSet<OutboxId>,
    running: HashMap<OutboxId, AfterAttempt>,
    tasks: HashMap<task::Id, OutboxId>,
    delayed: DelayQueue<OutboxId>,
    failures: HashMap<OutboxId, Failures>,
    /// Outboxes whose next attempt counts the refused events.
    refused_counts: HashSet<OutboxId>,
}

/// What happens after an attempt that drained the outbox.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AfterAttempt {
    Idle,
    /// The outbox was enqueued during the attempt.
    Enqueue,
}

/// The consecutive failures of an outbox.
#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    health: DatabaseHealth,
}

/// Whether a drain attempt counts the open refused events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefusedCount {
    Refresh,
    Keep,
}

/// A drain attempt that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScheduledAttempt {
    pub(super) outbox: OutboxId,
    pub(super) refused_count: RefusedCount,
}

impl RoundRobinQueue {
    /// Appends the outbox to the queue. If it is running, it is appended after the attempt.
    pub(super) fn enqueue(&mut self, outbox: OutboxId) {
        if let Some(after) = self.running.get_mut(&outbox) {
            *after = AfterAttempt::Enqueue;
        } else if self.queued.insert(outbox.clone()) {
            match self.health(&outbox) {
                DatabaseHealth::Responsive => self.ready.push_back(outbox),
                DatabaseHealth::Unresponsive => self.retries.push_back(outbox),
            }
        }
    }

    /// Appends an outbox found by a sweep. A full sweep also refreshes its count of refused events.
    pub(super) fn enqueue_swept(&mut self, outbox: OutboxId, sweep: Sweep) {
        if sweep == Sweep::All {
            self.refused_counts.insert(outbox.clone());
        }
        self.enqueue(outbox);
    }

    /// Removes the first outbox for which a permit is available.
    pub(super) fn next(
        &mut self,
        limits: &ConcurrencyLimits,
    ) -> Option<(ScheduledAttempt, AttemptPermit)> {
        self.next_with(DatabaseHealth::Responsive, limits)
            .or_else(|| self.next_with(DatabaseHealth::Unresponsive, limits))
    }

    fn next_with(
        &mut self,
        health: DatabaseHealth,
        limits: &ConcurrencyLimits,
    ) -> Option<(ScheduledAttempt, AttemptPermit)> {
        let queue = match health {
            DatabaseHealth::Responsive => &mut self.ready,
            DatabaseHealth::Unresponsive => &mut self.retries,
        };
        queue.front()?;
        let permit = limits.try_acquire(health)?;
        let outbox = queue.pop_front()?;
        self.queued.remove(&outbox);
        self.running.insert(outbox.clone(), AfterAttempt::Idle);
        let refused_count = if self.refused_counts.remove(&outbox) {
            RefusedCount::Refresh
        } else {
            RefusedCount::Keep
        };
        let attempt = ScheduledAttempt {
            outbox,
            refused_count,
        };
        Some((attempt, permit))
    }

    /// Records the task that executes the attempt of an outbox.
    pub(super) fn started(&mut self, task: task::Id, outbox: OutboxId) {
        self.tasks.insert(task, outbox);
    }

    /// Records the outcome of an attempt and schedules the next one.
    pub(super) fn finished(&mut self, task: task::Id, outbox: OutboxId, outcome: AttemptOutcome) {
        self.tasks.remove(&task);
        let after = self.running.remove(&outbox).unwrap_or(AfterAttempt::Idle);
        match outcome {
            AttemptOutcome::Unreachable(reason) => {
                self.back_off(outbox, DatabaseHealth::Unresponsive, &reason);
            }
            AttemptOutcome::PartiallyPublished(reason) => {
                // Rows that block their aggregate must not slow down the others: the backoff does not grow.
                self.failures.remove(&outbox);
                self.back_off(outbox, DatabaseHealth::Responsive, &reason);
            }
            AttemptOutcome::Drained(DrainOutcome::Stuck(reason)) => {
                self.back_off(outbox, DatabaseHealth::Responsive, &reason);
            }
            AttemptOutcome::Drained(DrainOutcome::Busy) => {
                metrics::count_attempt("busy");
                self.failures.remove(&outbox);
                self.delay(outbox, BUSY_DELAY);
            }
            AttemptOutcome::Drained(DrainOutcome::More) => {
                metrics::count_attempt("more");
                self.failures.remove(&outbox);
                self.enqueue(outbox);
            }
            AttemptOutcome::Drained(DrainOutcome::Empty) => {
                metrics::count_attempt("empty");
                self.failures.remove(&outbox);
                if after == AfterAttempt::Enqueue {
                    self.enqueue(outbox);
                }
            }
        }
    }

    /// Records that the task of an attempt panicked.
    pub(super) fn panicked(&mut self, task: task::Id) {
        if let Some(outbox) = self.tasks.remove(&task) {
            self.running.remove(&outbox);
            self.back_off(
                outbox,
                DatabaseHealth::Unresponsive,
                "the drain attempt panicked",
            );
        }
    }

    /// Waits for the next delay to expire and enqueues its outbox.
    pub(super) async fn delay_expired(&mut self) {
        match self.delayed.next().await {
            Some(expired) => {
                let outbox = expired.into_inner();
                self.queued.remove(&outbox);
                self.enqueue(outbox);
            }
            None => std::future::pending().await,
        }
    }

    /// Returns whether no outbox is queued for a primary permit.
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Returns the number of queued and delayed outboxes.
    pub(super) fn waiting(&self) -> usize {
        self.ready.len() + self.retries.len() + self.delayed.len()
    }

    fn health(&self, outbox: &OutboxId) -> DatabaseHealth {
        let failures = self.failures.get(outbox);
        failures.map_or(DatabaseHealth::Responsive, |failures| failures.health)
    }

    fn back_off(&mut self, outbox: OutboxId, health: DatabaseHealth, reason: &str) {
        metrics::count_attempt(match health {
            DatabaseHealth::Responsive => "stuck",
            DatabaseHealth::Unresponsive => "unreachable",
        });
        let failures = self
            .failures
            .entry(outbox.clone())
            .or_insert(Failures { count: 0, health });
        failures.count = failures.count.saturating_add(1);
        failures.health = health;
        let doublings = failures.count.saturating_sub(1).min(10);
        let backoff = (MIN_BACKOFF * 2u32.saturating_pow(doublings)).min(MAX_BACKOFF);
        tracing::warn!(
            %outbox, reason, backoff_ms = backoff.as_millis(),
            "outbox cannot be drained, backing off"
        );
        self.delay(outbox, backoff);
    }

    /// Delays the outbox. A delayed outbox counts as queued, so that wake-ups do not cut the delay short.
    fn delay(&mut self, outbox: OutboxId, delay: Duration) {
        if self.queued.insert(outbox.clone()) {
            self.delayed.insert_at(outbox, Instant::now() + delay);
        }
    }
}

#[cfg(test)]
mod tests;
