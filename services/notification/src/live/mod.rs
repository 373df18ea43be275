//! From a row in the feed to every socket that may see it, on every replica.
//!
//! ```text
//! handler ── wake ──┬────────────▶ pump ── one query ──▶ hub ──▶ sockets
//!                   └─▶ Redis ──▶ pump of each replica
//!           once a second ───────▶ pump
//! ```

mod hub;
mod pump;
mod redis;
mod socket;

use std::sync::Arc;

use service::{Runtime, StoreError};
use tokio::sync::mpsc;

use self::{hub::Hub, redis::RedisLink};
pub(crate) use self::{hub::Membership, socket::Socket};
use crate::{
    domain::{Audience, Audiences, Cursor, Reader},
    store::feed,
};

/// Wake-ups that wait at the most; one more is left to the next look.
const WAITING: usize = 1024;

/// An audience has a message at this place, or will have in a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wake {
    audience: Audience,
    place: i64,
}

/// The live feed of this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Live {
    hub: Arc<Hub>,
    pump: mpsc::Sender<Wake>,
    others: Option<mpsc::Sender<Wake>>,
}

impl Live {
    /// Starts the pump and, where Redis is set, the link to the other replicas; both end with the runtime.
    ///
    /// # Errors
    /// The URL of Redis is none. That it does not answer is no error.
    pub fn start(runtime: &Runtime) -> Result<Self, deadpool_redis::redis::RedisError> {
        let hub = Arc::new(Hub::default());
        let (pump, wakes) = mpsc::channel(WAITING);
        let others = match runtime.settings().redis_url() {
            Some(url) => {
                let (others, outgoing) = mpsc::channel(WAITING);
                RedisLink::new(url, &runtime.settings().topic_prefix)?.start(
                    runtime,
                    outgoing,
                    pump.clone(),
                );
                Some(others)
            }
            None => None,
        };
        let (db, shared) = (runtime.platform_db(), Arc::clone(&hub));
        runtime.spawn("live feed", |stop| async move {
            pump::run(db, shared, wakes, stop).await;
        });
        Ok(Self { hub, pump, others })
    }

    /// Wakes whoever follows the audience, here and on the other replicas. A wake-up that is lost costs a second.
    pub fn wake(&self, audience: Audience, place: i64) {
        let wake = Wake { audience, place };
        let _late_at_worst = self.pump.try_send(wake);
        if let Some(others) = &self.others {
            let _late_at_worst = others.try_send(wake);
        }
    }

    /// Follows the audiences from `from`, or from now.
    ///
    /// # Errors
    /// The database is out of reach.
    pub async fn join(
        &self,
        runtime: &Runtime,
        audiences: Audiences,
        from: Option<Cursor>,
    ) -> Result<(Reader, Membership), StoreError> {
        let now = feed::ends(&runtime.platform_db(), &audiences).await?;
        // In this order: what is committed up to `now` will be read from the table, and all after it comes live.
        let at_the_end = Reader::new(audiences, None, now);
        let membership = Hub::join(&self.hub, &at_the_end.places());
        Ok((Reader::new(audiences, from, now), membership))
    }
}
