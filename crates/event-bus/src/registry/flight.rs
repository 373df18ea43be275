//! A bounded cache whose misses are loaded once, however many wait for them.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};

type Flight<V, E> = Shared<BoxFuture<'static, Result<V, E>>>;

enum Slot<V, E> {
    Ready(V),
    Loading(Flight<V, E>),
}

/// Values by key, at most `capacity`; failures are shared by those who wait and then forgotten.
pub(super) struct SingleFlight<K, V, E> {
    slots: Mutex<HashMap<K, Slot<V, E>>>,
    capacity: usize,
}

impl<K: Hash + Eq + Clone, V: Clone + Send + 'static, E: Clone + Send + 'static>
    SingleFlight<K, V, E>
{
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            slots: Mutex::default(),
            capacity,
        }
    }

    /// The value, if it is there already.
    pub(super) fn ready(&self, key: &K) -> Option<V> {
        match self.lock().get(key) {
            Some(Slot::Ready(value)) => Some(value.clone()),
            _ => None,
        }
    }

    pub(super) async fn get(
        &self,
        key: &K,
        load: impl FnOnce() -> BoxFuture<'static, Result<V, E>>,
    ) -> Result<V, E> {
        let flight = {
            let mut slots = self.lock();
            match slots.get(key) {
                Some(Slot::Ready(value)) => return Ok(value.clone()),
                Some(Slot::Loading(flight)) => flight.clone(),
                None => {
                    if slots.len() >= self.capacity {
                        let victim = slots.keys().next().cloned();
                        victim.and_then(|victim| slots.remove(&victim));
                    }
                    let flight = load().shared();
                    slots.insert(key.clone(), Slot::Loading(flight.clone()));
                    flight
                }
            }
        };
        let result = flight.clone().await;
        let mut slots = self.lock();
        if let Some(Slot::Loading(current)) = slots.get(key)
            && current.ptr_eq(&flight)
        {
            match &result {
                Ok(value) => slots.insert(key.clone(), Slot::Ready(value.clone())),
                Err(_) => slots.remove(key),
            };
        }
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, Slot<V, E>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use futures::future::join_all;

    use super::*;

    type Cache = SingleFlight<u32, u32, String>;

    #[tokio::test]
    async fn many_who_ask_at_once_load_once() {
        let (cache, loads) = (Cache::new(8), Arc::new(AtomicUsize::new(0)));
        let ask = || {
            let loads = Arc::clone(&loads);
            cache.get(&1, move || {
                async move {
                    loads.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    Ok(7)
                }
                .boxed()
            })
        };

        let answers = join_all((0..50).map(|_| ask())).await;

        assert!(answers.iter().all(|answer| *answer == Ok(7)));
        assert_eq!(loads.load(Ordering::SeqCst), 1);
        assert_eq!(cache.ready(&1), Some(7));
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let cache = Cache::new(8);
        let failed = cache.get(&1, || async { Err("down".to_owned()) }.boxed());
        assert!(failed.await.is_err());
        assert_eq!(cache.get(&1, || async { Ok(7) }.boxed()).await, Ok(7));
    }

    #[tokio::test]
    async fn it_never_holds_more_than_its_capacity() {
        let cache = Cache::new(3);
        for key in 0..100 {
            let _ = cache.get(&key, || async { Ok(0) }.boxed()).await;
        }
        assert!(cache.lock().len() <= 3);
    }
}
