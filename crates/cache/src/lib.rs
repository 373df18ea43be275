#![doc = include_str!("../README.md")]

mod connection;
mod entry;
mod key;
mod metrics;
mod single_flight;

use std::{future::Future, sync::Arc, time::Duration};

use deadpool_redis::redis;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{
    connection::ManagedConnection,
    entry::{Lookup, MAX_VALUE_BYTES},
    metrics::ReadResult,
    single_flight::{LoadRole, SingleFlight},
};

pub use key::{CacheKey, Name};

/// The error of parsing a Redis URL.
#[derive(Debug, thiserror::Error)]
#[error("invalid Redis URL: {0}")]
pub struct InvalidRedisUrl(#[from] redis::RedisError);

/// A tenant-scoped read-through cache. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct Cache(Option<Arc<Inner>>);

struct Inner {
    connection: Arc<ManagedConnection>,
    loads: SingleFlight,
}

impl Cache {
    /// Connects to the cache at `url` (`redis://[user:password@]host:port/database`). If the server is unavailable, the
    /// cache keeps connecting in the background.
    ///
    /// # Errors
    /// The URL is invalid.
    pub async fn connect(url: &str) -> Result<Self, InvalidRedisUrl> {
        let connection = ManagedConnection::open(redis::Client::open(url)?).await;
        Ok(Self(Some(Arc::new(Inner {
            connection,
            loads: SingleFlight::default(),
        }))))
    }

    /// Returns a disabled cache: every value is loaded from its source.
    pub const fn disabled() -> Self {
        Self(None)
    }

    /// Returns whether the cache is connected to Redis. For metrics and status pages; a disconnected cache does not make
    /// a service unready.
    pub fn is_connected(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|inner| inner.connection.is_connected())
    }

    /// Returns the cached value of `key`, or executes `load` and caches its value for up to `ttl`.
    ///
    /// # Errors
    /// The error of `load`, which is not cached.
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
        let generation = match entry::read(&inner.connection, key).await {
            Lookup::Hit(json, generation) => {
                if let Ok(value) = serde_json::from_slice(&json) {
                    metrics::count_read(key, ReadResult::Hit);
                    return Ok(value);
                }
                metrics::count_read(key, ReadResult::Error);
                generation
            }
            Lookup::Miss(generation) => {
                metrics::count_read(key, ReadResult::Miss);
                generation
            }
            Lookup::Disconnected => {
                metrics::count_read(key, ReadResult::Disconnected);
                return load().await;
            }
            Lookup::Error => {
                metrics::count_read(key, ReadResult::Error);
                return load().await;
            }
        };
        // Loads are shared within one generation only: a reader after a write starts a new load.
        match inner.loads.join(key, &generation) {
            LoadRole::Leader(leader) => {
                let value = load().await?;
                if let Ok(json) = serde_json::to_vec(&value).map(Arc::from) {
                    leader.complete(&json);
                    if json.len() <= MAX_VALUE_BYTES {
                        entry::store(&inner.connection, key, &generation, &json, ttl).await;
                    }
                }
                Ok(value)
            }
            LoadRole::Follower(follower) => match follower
                .value()
                .await
                .map(|json| serde_json::from_slice(&json))
            {
                Some(Ok(value)) => Ok(value),
                _ => load().await,
            },
        }
    }

    /// Invalidates all entries of `resource` of this tenant, for all processes. Call it after the change is committed.
    ///
    /// Cannot fail: an undelivered invalidation is retried, and this process serves nothing from the cache until it is
    /// delivered. It is executed even if the returned future is dropped.
    pub fn invalidate(
        &self,
        tenant: Uuid,
        resource: Name,
    ) -> impl Future<Output = ()> + Send + use<> {
        let delivery = self.0.as_ref().map(|inner| {
            tokio::spawn(connection::invalidate(
                inner.connection.clone(),
                tenant,
                resource,
            ))
        });
        async move {
            if let Some(delivery) = delivery {
                // Bounded by the command timeout; a panic is reported by the runtime.
                let _ = delivery.await;
            }
        }
    }
}
