//! Polls the feed table and delivers new messages to the hub, with one query for all subscribed audiences.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use sea_orm::DatabaseConnection;
use service::StoreError;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{WakeUp, hub::Hub};
use crate::{
    domain::Audience,
    store::feed::{self, FeedEntry},
};

/// Time between regular polls, which find messages without a wake-up.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// A wake-up arrives shortly before its row is committed: delay of the first poll for it, doubled after each further one.
const MIN_RETRY_DELAY: Duration = Duration::from_millis(2);
/// Beyond this delay the row was rolled back, or is left to the next regular poll.
const MAX_RETRY_DELAY: Duration = Duration::from_millis(500);
/// Messages of one audience per query.
const BATCH_SIZE: usize = 200;

pub(super) async fn run(
    db: DatabaseConnection,
    hub: Arc<Hub>,
    mut wake_ups: mpsc::Receiver<WakeUp>,
    stop: CancellationToken,
) {
    let mut announced = AnnouncedPositions::default();
    let mut regular_poll = Instant::now() + POLL_INTERVAL;
    loop {
        let next_poll = announced
            .next_poll()
            .map_or(regular_poll, |at| at.min(regular_poll));
        tokio::select! {
            () = stop.cancelled() => return,
            Some(wake_up) = wake_ups.recv() => {
                announced.add(&hub, wake_up);
                while let Ok(wake_up) = wake_ups.try_recv() {
                    announced.add(&hub, wake_up);
                }
                continue;
            }
            () = tokio::time::sleep_until(next_poll) => {}
        }
        let audiences = if Instant::now() >= regular_poll {
            regular_poll = Instant::now() + POLL_INTERVAL;
            None
        } else {
            Some(announced.audiences())
        };
        if let Err(error) = poll(&db, &hub, audiences).await {
            tracing::warn!(%error, "the feed cannot be read, live messages are delayed");
        }
        announced.polled(&hub);
    }
}

/// Delivers all new messages of these audiences, or of every subscribed audience.
async fn poll(
    db: &DatabaseConnection,
    hub: &Hub,
    mut among: Option<HashSet<Audience>>,
) -> Result<(), StoreError> {
    loop {
        let positions = hub.positions(among.as_ref());
        if positions.is_empty() {
            return Ok(());
        }
        let limit = i64::try_from(BATCH_SIZE).unwrap_or(i64::MAX);
        let mut found: HashMap<Audience, Vec<FeedEntry>> = HashMap::new();
        for entry in feed::after(db, &positions, limit).await? {
            found.entry(entry.audience).or_default().push(entry);
        }
        let mut incomplete = HashSet::new();
        for (audience, entries) in found {
            if entries.len() == BATCH_SIZE {
                incomplete.insert(audience);
            }
            hub.deliver(audience, entries);
        }
        if incomplete.is_empty() {
            return Ok(());
        }
        among = Some(incomplete);
    }
}

/// Positions that wake-ups announced and that were not found in the table yet.
#[derive(Default)]
struct AnnouncedPositions {
    positions: HashMap<Audience, i64>,
    /// When to poll for them, and the delay that led to this time.
    retry: Option<(Instant, Duration)>,
}

impl AnnouncedPositions {
    fn add(&mut self, hub: &Hub, WakeUp { audience, position }: WakeUp) {
        if hub.is_behind(audience, position) {
            let known = self.positions.entry(audience).or_insert(position);
            *known = position.max(*known);
            let soon = Instant::now() + MIN_RETRY_DELAY;
            // A new announcement is polled for at the minimum delay, however long an older one has been missing.
            self.retry = match self.retry {
                Some((at, delay)) if at <= soon => Some((at, delay)),
                _ => Some((soon, MIN_RETRY_DELAY)),
            };
        }
    }

    fn next_poll(&self) -> Option<Instant> {
        self.retry.map(|(at, _)| at)
    }

    fn audiences(&self) -> HashSet<Audience> {
        self.positions.keys().copied().collect()
    }

    /// Schedules the next poll for positions that are still missing with twice the delay; beyond the maximum delay they
    /// are left to the regular poll.
    fn polled(&mut self, hub: &Hub) {
        self.positions
            .retain(|audience, position| hub.is_behind(*audience, *position));
        let delay = self.retry.map_or(MIN_RETRY_DELAY, |(_, delay)| delay * 2);
        if self.positions.is_empty() || delay > MAX_RETRY_DELAY {
            *self = Self::default();
        } else {
            self.retry = Some((Instant::now() + delay, delay));
        }
    }
}
