//! One load at a time for the same entry of the same generation.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::{CacheKey, entry::Generation};

type Json = Arc<[u8]>;
type Flight = (CacheKey, Generation);
type InTheAir = Arc<Mutex<HashMap<Flight, watch::Receiver<Option<Json>>>>>;

/// The loads under way in this process.
#[derive(Default)]
pub(crate) struct Flights(InTheAir);

/// A reader's part in a load.
pub(crate) enum Place {
    /// Loads for all.
    Leader(Leader),
    /// Waits for the leader.
    Follower(Follower),
}

/// The reader that loads. Dropped without landing (its load failed or it was cancelled), it leaves the followers to load
/// for themselves, side by side.
pub(crate) struct Leader {
    flights: InTheAir,
    flight: Flight,
    sender: watch::Sender<Option<Json>>,
}

/// A reader that waits for another one's load.
pub(crate) struct Follower(watch::Receiver<Option<Json>>);

impl Flights {
    pub(crate) fn join(&self, key: &CacheKey, generation: &Generation) -> Place {
        let flight = (key.clone(), generation.clone());
        let mut flights = lock(&self.0);
        if let Some(under_way) = flights.get(&flight) {
            return Place::Follower(Follower(under_way.clone()));
        }
        let (sender, receiver) = watch::channel(None);
        flights.insert(flight.clone(), receiver);
        Place::Leader(Leader {
            flights: self.0.clone(),
            flight,
            sender,
        })
    }
}

impl Leader {
    /// Hands the value to all followers.
    pub(crate) fn land(&self, json: &Json) {
        self.sender.send_replace(Some(json.clone()));
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        lock(&self.flights).remove(&self.flight);
    }
}

impl Follower {
    /// The leader's value, or nothing if it has none.
    pub(crate) async fn landed(mut self) -> Option<Json> {
        self.0
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|landed| landed.clone())
    }
}

fn lock(flights: &InTheAir) -> MutexGuard<'_, HashMap<Flight, watch::Receiver<Option<Json>>>> {
    flights.lock().unwrap_or_else(PoisonError::into_inner)
}
