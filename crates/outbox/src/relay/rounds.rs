//! Whose turn it is.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use futures::StreamExt;
use tokio::{task, time::Instant};
use tokio_util::time::DelayQueue;

use super::{
    OutboxId, Sweep,
    look::Found,
    slots::{Class, Slot, Slots},
};
use crate::{Drained, metrics};

const LOOK_AGAIN: Duration = Duration::from_millis(25);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// An outbox is in one place only: in line, being looked at, or waiting for its next try.
#[derive(Default)]
pub(super) struct Rounds {
    ready: VecDeque<OutboxId>,
    /// In line to be tried again: their databases did not answer.
    suspects: VecDeque<OutboxId>,
    known: HashSet<OutboxId>,
    looking: HashMap<OutboxId, Again>,
    tasks: HashMap<task::Id, OutboxId>,
    delays: DelayQueue<OutboxId>,
    failures: HashMap<OutboxId, Failures>,
    census: HashSet<OutboxId>,
}

/// Whether a nudge came while the outbox was being looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Yes,
    No,
}

#[derive(Clone, Copy)]
struct Failures {
    in_a_row: u32,
    class: Class,
}

/// Whether a look counts what was set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Census {
    Take,
    Skip,
}

/// An outbox whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) outbox: OutboxId,
    pub(super) census: Census,
}

impl Rounds {
    pub(super) fn enqueue(&mut self, outbox: OutboxId) {
        if let Some(again) = self.looking.get_mut(&outbox) {
            *again = Again::Yes;
        } else if self.known.insert(outbox.clone()) {
            match self.class(&outbox) {
                Class::Well => self.ready.push_back(outbox),
                Class::Suspect => self.suspects.push_back(outbox),
            }
        }
    }

    /// A sweep found it. A wide one has its look take the census too.
    pub(super) fn swept(&mut self, outbox: OutboxId, sweep: Sweep) {
        if sweep == Sweep::All {
            self.census.insert(outbox.clone());
        }
        self.enqueue(outbox);
    }

    /// The next in line, with a free place for it.
    pub(super) fn next(&mut self, slots: &Slots) -> Option<(Turn, Slot)> {
        self.next_of(Class::Well, slots)
            .or_else(|| self.next_of(Class::Suspect, slots))
    }

    fn next_of(&mut self, class: Class, slots: &Slots) -> Option<(Turn, Slot)> {
        let line = match class {
            Class::Well => &mut self.ready,
            Class::Suspect => &mut self.suspects,
        };
        line.front()?;
        let slot = slots.take(class)?;
        let outbox = line.pop_front()?;
        self.known.remove(&outbox);
        self.looking.insert(outbox.clone(), Again::No);
        let census = if self.census.remove(&outbox) {
            Census::Take
        } else {
            Census::Skip
        };
        Some((Turn { outbox, census }, slot))
    }

    /// Its look runs as this task.
    pub(super) fn began(&mut self, task: task::Id, outbox: OutboxId) {
        self.tasks.insert(task, outbox);
    }

    pub(super) fn finished(&mut self, task: task::Id, outbox: OutboxId, found: Found) {
        self.tasks.remove(&task);
        let again = self.looking.remove(&outbox).unwrap_or(Again::No);
        match found {
            Found::Unreachable(reason) => self.failed(outbox, Class::Suspect, &reason),
            Found::Partly(reason) => {
                // What is stuck is not to hold up the rest: no growing pause.
                self.failures.remove(&outbox);
                self.failed(outbox, Class::Well, &reason);
            }
            Found::Drained(Drained::Stuck(reason)) => self.failed(outbox, Class::Well, &reason),
            Found::Drained(Drained::Busy) => {
                metrics::looked("busy");
                self.failures.remove(&outbox);
                self.later(outbox, LOOK_AGAIN);
            }
            Found::Drained(Drained::More) => {
                metrics::looked("more");
                self.failures.remove(&outbox);
                self.enqueue(outbox);
            }
            Found::Drained(Drained::Empty) => {
                metrics::looked("empty");
                self.failures.remove(&outbox);
                if again == Again::Yes {
                    self.enqueue(outbox);
                }
            }
        }
    }

    /// The look that ran as this task panicked.
    pub(super) fn died(&mut self, task: task::Id) {
        if let Some(outbox) = self.tasks.remove(&task) {
            self.looking.remove(&outbox);
            self.failed(outbox, Class::Suspect, "the look at it ended abnormally");
        }
    }

    /// Waits until somebody's pause is over, and puts it in line.
    pub(super) async fn pause_over(&mut self) {
        match self.delays.next().await {
            Some(due) => {
                let outbox = due.into_inner();
                self.known.remove(&outbox);
                self.enqueue(outbox);
            }
            None => std::future::pending().await,
        }
    }

    /// Whether nobody in line is kept waiting by who is being looked at.
    pub(super) fn nobody_waits(&self) -> bool {
        self.ready.is_empty()
    }

    /// How many wait for their turn or their next try.
    pub(super) fn waiting(&self) -> usize {
        self.ready.len() + self.suspects.len() + self.delays.len()
    }

    fn class(&self, outbox: &OutboxId) -> Class {
        let failures = self.failures.get(outbox);
        failures.map_or(Class::Well, |failures| failures.class)
    }

    fn failed(&mut self, outbox: OutboxId, class: Class, reason: &str) {
        metrics::looked(match class {
            Class::Well => "stuck",
            Class::Suspect => "unreachable",
        });
        let failures = self
            .failures
            .entry(outbox.clone())
            .or_insert(Failures { in_a_row: 0, class });
        failures.in_a_row = failures.in_a_row.saturating_add(1);
        failures.class = class;
        let doublings = failures.in_a_row.saturating_sub(1).min(10);
        let pause = (FIRST_PAUSE * 2u32.saturating_pow(doublings)).min(LONGEST_PAUSE);
        tracing::warn!(%outbox, reason, pause_ms = pause.as_millis(), "outbox waits");
        self.later(outbox, pause);
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
