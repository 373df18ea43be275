//! Integration tests of the cache against real Redis servers.

mod invalidation;
mod loading;
mod outages;
mod redis_server;

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use cache::{Cache, CacheKey, Name};
use uuid::Uuid;

const PRODUCTS: Name = Name::new("products");
const ORDERS: Name = Name::new("orders");
const LIST: Name = Name::new("list");
const TTL: Duration = Duration::from_mins(1);

/// A source of one value that counts its reads.
#[derive(Clone, Default)]
struct Source(Arc<[AtomicU64; 2]>);

impl Source {
    fn set(&self, value: u64) {
        self.0[0].store(value, SeqCst);
    }

    fn reads(&self) -> u64 {
        self.0[1].load(SeqCst)
    }

    fn read(&self) -> u64 {
        self.0[1].fetch_add(1, SeqCst);
        self.0[0].load(SeqCst)
    }

    async fn through(&self, cache: &Cache, key: &CacheKey) -> u64 {
        cache
            .get_or_load(key, TTL, async || Ok::<_, Infallible>(self.read()))
            .await
            .unwrap()
    }
}

fn list(tenant: Uuid) -> CacheKey {
    CacheKey::new(tenant, PRODUCTS, LIST)
}

/// Waits up to five seconds until the condition is met.
async fn eventually(what: &str, met: impl Fn() -> bool) {
    for _ in 0..500 {
        if met() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("timed out waiting for {what}");
}
