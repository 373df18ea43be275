//! Reading and storing one entry.
//!
//! An entry is `<cache generation>.<resource generation>\n<JSON>`. It counts only while both generations are the present
//! ones, so that replacing a generation drops all its entries; Redis removes them when their life is over.

use std::{sync::Arc, time::Duration};

use deadpool_redis::redis::{self, RedisResult, aio::MultiplexedConnection};
use uuid::Uuid;

use crate::{CacheKey, link::Link};

/// Larger values are not kept: they would hold up the connection for all others.
pub(crate) const MAX_VALUE_BYTES: usize = 256 * 1024;
/// The generation of the whole cache.
pub(crate) const CACHE_GENERATION: &str = "tenantry:cache:#";
/// A resource nobody reads for so long forgets its generation. The next one is another, so nothing old can come back.
pub(crate) const GENERATION_SECONDS: u64 = 24 * 60 * 60;

/// The generations a reader saw before it loaded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Generation {
    cache: Vec<u8>,
    resource: Vec<u8>,
}

impl Generation {
    fn label(&self) -> Vec<u8> {
        [&self.cache, b".".as_slice(), &self.resource, b"\n"].concat()
    }
}

/// A word no generation had before.
pub(crate) fn new_generation() -> String {
    Uuid::new_v4().simple().to_string()
}

/// What a look into the cache gave.
pub(crate) enum Found {
    /// A value of the present generation.
    Value(Vec<u8>, Generation),
    /// No value; one loaded from now on may be stored under this generation.
    Nothing(Generation),
    /// The cache is out of use for now.
    Away,
    /// The cache failed just now.
    Error,
}

/// Looks for the entry: one round trip when it is there.
pub(crate) async fn read(link: &Arc<Link>, key: &CacheKey) -> Found {
    link.run(async |connection| look(connection, key).await)
        .await
        .unwrap_or_else(|failed| {
            if failed.is_away() {
                Found::Away
            } else {
                Found::Error
            }
        })
}

type Looked = (Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>);

async fn look(connection: &mut MultiplexedConnection, key: &CacheKey) -> RedisResult<Found> {
    let generation_key = key.generation();
    let (cache, resource, entry): Looked = redis::cmd("MGET")
        .arg(CACHE_GENERATION)
        .arg(&generation_key)
        .arg(key.as_str())
        .query_async(connection)
        .await?;
    let (Some(cache), Some(resource)) = (cache, resource) else {
        return begin(connection, &generation_key).await.map(Found::Nothing);
    };
    let generation = Generation { cache, resource };
    let label = generation.label();
    Ok(match entry {
        Some(mut entry) if entry.starts_with(&label) => {
            Found::Value(entry.split_off(label.len()), generation)
        }
        _ => Found::Nothing(generation),
    })
}

/// Begins the generations that are missing, and takes what is there then.
async fn begin(
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

/// Stores the value under the generation its reader took. If that is over by now, the entry is worth nothing to anybody: no
/// script has to compare. A failure is nobody's loss.
pub(crate) async fn store(
    link: &Arc<Link>,
    key: &CacheKey,
    generation: &Generation,
    json: &[u8],
    ttl: Duration,
) {
    let mut value = generation.label();
    value.extend_from_slice(json);
    let life = u64::try_from(ttl.as_millis())
        .unwrap_or(u64::MAX)
        .clamp(1, GENERATION_SECONDS * 1000);
    let stored = link
        .run(async |connection| {
            redis::cmd("SET")
                .arg(key.as_str())
                .arg(&value)
                .arg("PX")
                .arg(life)
                .query_async::<()>(connection)
                .await
        })
        .await;
    if let Err(error) = stored {
        tracing::debug!(%error, "an entry was not stored");
    }
}
