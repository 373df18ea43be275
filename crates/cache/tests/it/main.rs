//! The cache against real Redis servers, which the tests kill, stop and mislead.

mod invalidation;
mod outages;
mod redis_server;
mod sharing;

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
const LIFE: Duration = Duration::from_mins(1);

/// A source whose value a test changes, and which counts how often it was read.
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
            .get_or_load(key, LIFE, async || Ok::<_, Infallible>(self.read()))
            .await
            .unwrap()
    }
}

fn list(tenant: Uuid) -> CacheKey {
    CacheKey::new(tenant, PRODUCTS, LIST)
}

/// Waits until `met`, for five seconds at most.
async fn until(what: &str, met: impl Fn() -> bool) {
    for _ in 0..500 {
        if met() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within five seconds: {what}");
}
