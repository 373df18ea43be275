#![doc = include_str!("../README.md")]

mod entry;
mod flights;
mod key;
mod link;
mod metrics;

use std::{future::Future, sync::Arc, time::Duration};

use deadpool_redis::redis;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    entry::{Found, MAX_VALUE_BYTES},
    flights::{Flights, Place},
    link::Link,
    metrics::Outcome,
};

pub use key::{CacheKey, Name};

/// The address is not one of a Redis server.
#[derive(Debug, thiserror::Error)]
#[error("not a Redis address: {0}")]
pub struct InvalidAddress(#[from] redis::RedisError);

/// A tenant-scoped cache. Cheap to clone; clones share the connection and the flights.
#[derive(Clone)]
pub struct Cache(Option<Arc<Inner>>);

struct Inner {
    link: Arc<Link>,
    flights: Flights,
}

impl Cache {
    /// Opens the cache at `url` (`redis://[user:password@]host:port/database`). A server that is away is no error: it is
    /// looked for in the background.
    pub async fn connect(url: &str) -> Result<Self, InvalidAddress> {
        let link = Link::open(redis::Client::open(url)?).await;
        Ok(Self(Some(Arc::new(Inner {
            link,
            flights: Flights::default(),
        }))))
    }

    /// A cache that holds nothing: every value comes from its source.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Whether values are served from Redis now. For a metric or a status page; not a reason to be unready.
    pub fn is_up(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.link.is_up())
    }

    /// The value under `key`, or what `load` gives, kept for `ttl` at most.
    ///
    /// # Errors
    /// Only those of `load`, and they are not kept.
    pub async fn get_or_load<T, E>(
        &self,
        key: &CacheKey,
        ttl: Duration,
        load: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
    {
        let Some(inner) = &self.0 else {
            return load().await;
        };
        let generation = match entry::read(&inner.link, key).await {
            Found::Value(json, generation) => {
                if let Ok(value) = serde_json::from_slice(&json) {
                    metrics::count(key, Outcome::Hit);
                    return Ok(value);
                }
                metrics::count(key, Outcome::Error);
                generation
            }
            Found::Nothing(generation) => {
                metrics::count(key, Outcome::Miss);
                generation
            }
            Found::Away => {
                metrics::count(key, Outcome::Away);
                return load().await;
            }
            Found::Error => {
                metrics::count(key, Outcome::Error);
                return load().await;
            }
        };
        // Readers share a load only within one generation: whoever comes after a write starts its own.
        match inner.flights.join(key, &generation) {
            Place::Leader(leader) => {
                let value = load().await?;
                if let Ok(json) = serde_json::to_vec(&value).map(Arc::from) {
                    leader.land(&json);
                    if json.len() <= MAX_VALUE_BYTES {
                        entry::store(&inner.link, key, &generation, &json, ttl).await;
                    }
                }
                Ok(value)
            }
            Place::Follower(follower) => match follower
                .landed()
                .await
                .map(|json| serde_json::from_slice(&json))
            {
                Some(Ok(value)) => Ok(value),
                _ => load().await,
            },
        }
    }

    /// Drops every entry of `resource` of this tenant, in this process and all others. Call it after the change has
    /// committed. Cannot fail: what cannot be delivered now is delivered later, and until then nothing is served here.
    /// Once called it is carried out even if the caller is dropped.
    pub fn invalidate(
        &self,
        tenant: Uuid,
        resource: Name,
    ) -> impl Future<Output = ()> + Send + use<> {
        let delivery = self
            .0
            .as_ref()
            .map(|inner| tokio::spawn(link::invalidate(inner.link.clone(), tenant, resource)));
        async move {
            if let Some(delivery) = delivery {
                // It ends by its timeout; a panic in it would have been printed.
                let _ = delivery.await;
            }
        }
    }
}
