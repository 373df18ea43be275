//! From the table to the hub: one query for all audiences that are followed here.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use sea_orm::DatabaseConnection;
use service::StoreError;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Wake, hub::Hub};
use crate::{
    domain::Audience,
    store::feed::{self, Posted},
};

/// How often the table is looked at when nobody wakes us.
const TICK: Duration = Duration::from_secs(1);
/// A wake-up comes a moment before its row is committed: looked at after this, then after twice as long, and so on.
const SOONEST: Duration = Duration::from_millis(2);
/// A row that was not there by then was rolled back, or waits for the next tick.
const LATEST: Duration = Duration::from_millis(500);
/// Messages of one audience in one look.
const IN_ONE_LOOK: usize = 200;

pub(super) async fn run(
    db: DatabaseConnection,
    hub: Arc<Hub>,
    mut wakes: mpsc::Receiver<Wake>,
    stop: CancellationToken,
) {
    let mut expected = Expected::default();
    let mut tick = Instant::now() + TICK;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(wake) = wakes.recv() => {
                expected.note(&hub, wake);
                while let Ok(wake) = wakes.try_recv() {
                    expected.note(&hub, wake);
                }
                continue;
            }
            () = tokio::time::sleep_until(expected.next_look().map_or(tick, |soon| soon.min(tick))) => {}
        }
        let audiences = if Instant::now() >= tick {
            tick = Instant::now() + TICK;
            None
        } else {
            Some(expected.audiences())
        };
        if let Err(error) = look(&db, &hub, audiences).await {
            tracing::warn!(%error, "the feed cannot be read; live messages come later");
        }
        expected.looked(&hub);
    }
}

/// Hands out everything new of these audiences, or of all.
async fn look(
    db: &DatabaseConnection,
    hub: &Hub,
    mut among: Option<HashSet<Audience>>,
) -> Result<(), StoreError> {
    loop {
        let places = hub.places(among.as_ref());
        if places.is_empty() {
            return Ok(());
        }
        let limit = i64::try_from(IN_ONE_LOOK).unwrap_or(i64::MAX);
        let mut found: HashMap<Audience, Vec<Posted>> = HashMap::new();
        for posted in feed::after(db, &places, limit).await? {
            found.entry(posted.audience).or_default().push(posted);
        }
        let mut more = HashSet::new();
        for (audience, messages) in found {
            if messages.len() == IN_ONE_LOOK {
                more.insert(audience);
            }
            hub.hand_out(audience, messages);
        }
        if more.is_empty() {
            return Ok(());
        }
        among = Some(more);
    }
}

/// Places that were announced and not seen yet.
#[derive(Default)]
struct Expected {
    places: HashMap<Audience, i64>,
    look: Option<(Instant, Duration)>,
}

impl Expected {
    fn note(&mut self, hub: &Hub, Wake { audience, place }: Wake) {
        if hub.lacks(audience, place) {
            let known = self.places.entry(audience).or_insert(place);
            *known = place.max(*known);
            let soon = Instant::now() + SOONEST;
            // A newer announcement is looked at soon, however long an older one has been missing.
            self.look = match self.look {
                Some((at, pause)) if at <= soon => Some((at, pause)),
                _ => Some((soon, SOONEST)),
            };
        }
    }

    fn next_look(&self) -> Option<Instant> {
        self.look.map(|(at, _)| at)
    }

    fn audiences(&self) -> HashSet<Audience> {
        self.places.keys().copied().collect()
    }

    /// What is still missing is looked at again after a longer pause, and in the end left to the tick.
    fn looked(&mut self, hub: &Hub) {
        self.places
            .retain(|audience, place| hub.lacks(*audience, *place));
        let pause = self.look.map_or(SOONEST, |(_, pause)| pause * 2);
        if self.places.is_empty() || pause > LATEST {
            *self = Self::default();
        } else {
            self.look = Some((Instant::now() + pause, pause));
        }
    }
}
