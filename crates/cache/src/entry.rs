//! Reading and storing entries.
//!
//! An entry is `<cache generation>.<resource generation>\n<JSON>`. It is valid only while both generations are current, so
//! replacing a generation invalidates all its entries. Redis evicts them when their TTL expires.

use std::{sync::Arc, time::Duration};

use deadpool_redis::redis::{self, RedisResult, aio::MultiplexedConnection};
use uuid::Uuid;

use crate::{CacheKey, connection::ManagedConnection};

/// Maximum size of a stored value. Larger values would block the shared connection.
pub(crate) const MAX_VALUE_BYTES: usize = 256 * 1024;
/// Redis key of the generation of the whole cache.
pub(crate) const CACHE_GENERATION: &str = "tenantry:cache:#";
/// TTL of a resource's generation. A new generation is different, so expired entries never become valid again.
pub(crate) const GENERATION_SECONDS: u64 = 24 * 60 * 60;

/// The generations that a reader read before its load.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Generation {
    cache: Vec<u8>,
    resource: Vec<u8>,
}

impl Generation {
    /// The first line of an entry.
    fn header(&self) -> Vec<u8> {
        [&self.cache, b".".as_slice(), &self.resource, b"\n"].concat()
    }
}

/// Returns a unique generation.
pub(crate) fn new_generation() -> String {
    Uuid::new_v4().simple().to_string()
}

/// The result of looking up an entry.
pub(crate) enum Lookup {
    /// A valid entry.
    Hit(Vec<u8>, Generation),
    /// No valid entry. A value that is loaded from now on may be stored under this generation.
    Miss(Generation),
    /// The cache is disconnected.
    Disconnected,
    /// The lookup failed.
    Error,
}

/// Looks up an entry. A hit takes one round trip.
pub(crate) async fn read(connection: &Arc<ManagedConnection>, key: &CacheKey) -> Lookup {
    connection
        .run(async |conn| look_up(conn, key).await)
        .await
        .unwrap_or_else(|error| {
            if error.is_disconnected() {
                Lookup::Disconnected
            } else {
                Lookup::Error
            }
        })
}

type RawEntry = (Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>);

async fn look_up(connection: &mut MultiplexedConnection, key: &CacheKey) -> RedisResult<Lookup> {
    let generation_key = key.generation();
    let (cache, resource, entry): RawEntry = redis::cmd("MGET")
        .arg(CACHE_GENERATION)
        .arg(&generation_key)
        .arg(key.as_str())
        .query_async(connection)
        .await?;
    let (Some(cache), Some(resource)) = (cache, resource) else {
        return create_generations(connection, &generation_key)
            .await
            .map(Lookup::Miss);
    };
    let generation = Generation { cache, resource };
    let header = generation.header();
    Ok(match entry {
        Some(mut entry) if entry.starts_with(&header) => {
            Lookup::Hit(entry.split_off(header.len()), generation)
        }
        _ => Lookup::Miss(generation),
    })
}

/// Creates missing generations and returns the current ones.
async fn create_generations(
    connection: &mut MultiplexedConnection,
    generation_key: &str,
) -> RedisResult<Generation> {
    let (cache, resource) = redis::pipe()
        .cmd("SET")
        .arg(CACHE_GENERATION)
        .arg(new_generation())
        .arg("NX")
        .ignore()
        .cmd("SET")
        .arg(generation_key)
        .arg(new_generation())
        .arg("NX")
        .arg("EX")
        .arg(GENERATION_SECONDS)
        .ignore()
        .get(CACHE_GENERATION)
        .get(generation_key)
        .query_async(connection)
        .await?;
    Ok(Generation { cache, resource })
}

/// Stores a value under the generation that was read before the load. If the generation was replaced meanwhile, the entry
/// is invalid, so no compare-and-set is necessary. Failures are ignored.
pub(crate) async fn store(
    connection: &Arc<ManagedConnection>,
    key: &CacheKey,
    generation: &Generation,
    json: &[u8],
    ttl: Duration,
) {
    let mut value = generation.header();
    value.extend_from_slice(json);
    let ttl = u64::try_from(ttl.as_millis())
        .unwrap_or(u64::MAX)
        .clamp(1, GENERATION_SECONDS * 1000);
    let stored = connection
        .run(async |conn| {
            redis::cmd("SET")
                .arg(key.as_str())
                .arg(&value)
                .arg("PX")
                .arg(ttl)
                .query_async::<()>(conn)
                .await
        })
        .await;
    if let Err(error) = stored {
        tracing::debug!(%error, "cannot store the cache entry");
    }
}
