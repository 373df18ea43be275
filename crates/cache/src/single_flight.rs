//! Coalescing of concurrent loads of the same entry and generation within a process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::{CacheKey, entry::Generation};

type Json = Arc<[u8]>;
type LoadKey = (CacheKey, Generation);
type Loads = Arc<Mutex<HashMap<LoadKey, watch::Receiver<Option<Json>>>>>;

/// The loads in progress in this process.
#[derive(Default)]
pub(crate) struct SingleFlight(Loads);

/// The role of a reader in a load.
pub(crate) enum LoadRole {
    /// Executes the load.
    Leader(Leader),
    /// Waits for the leader's value.
    Follower(Follower),
}

/// The reader that executes the load. If it is dropped without completing, because the load failed or was cancelled, the
/// followers load individually.
pub(crate) struct Leader {
    loads: Loads,
    key: LoadKey,
    sender: watch::Sender<Option<Json>>,
}

/// A reader that waits for a load in progress.
pub(crate) struct Follower(watch::Receiver<Option<Json>>);

impl SingleFlight {
    /// Starts a load, or joins the one in progress.
    pub(crate) fn join(&self, key: &CacheKey, generation: &Generation) -> LoadRole {
        let key = (key.clone(), generation.clone());
        let mut loads = lock(&self.0);
        if let Some(load) = loads.get(&key) {
            return LoadRole::Follower(Follower(load.clone()));
        }
        let (sender, receiver) = watch::channel(None);
        loads.insert(key.clone(), receiver);
        LoadRole::Leader(Leader {
            loads: self.0.clone(),
            key,
            sender,
        })
    }
}

impl Leader {
    /// Publishes the value to all followers.
    pub(crate) fn complete(&self, json: &Json) {
        self.sender.send_replace(Some(json.clone()));
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        lock(&self.loads).remove(&self.key);
    }
}

impl Follower {
    /// Returns the leader's value, or `None` if the load failed.
    pub(crate) async fn value(mut self) -> Option<Json> {
        self.0
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|value| value.clone())
    }
}

fn lock(loads: &Loads) -> MutexGuard<'_, HashMap<LoadKey, watch::Receiver<Option<Json>>>> {
    loads.lock().unwrap_or_else(PoisonError::into_inner)
}
