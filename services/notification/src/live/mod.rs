//! Delivers messages of the feed to WebSockets, on every replica.
//!
//! ```text
//! use case ── wake-up ──┬────────────▶ poller ── one query ──▶ hub ──▶ sockets
//!                       └─▶ Redis ──▶ poller of each replica
//!               once a second ──────▶ poller
//! ```

mod hub;
mod poller;
mod redis_channel;
mod socket;

use std::sync::Arc;

use service::{Runtime, StoreError};
use tokio::sync::mpsc;

use self::{hub::Hub, redis_channel::RedisChannel};
pub(crate) use self::{hub::Subscription, socket::Socket};
use crate::{
    domain::{Audience, Audiences, Cursor, FeedReader},
    store::feed,
};

/// Capacity of the wake-up queues; a wake-up that does not fit is left to the next regular poll.
const QUEUE_CAPACITY: usize = 1024;

/// Announces that an audience has a message at this position, or will have one shortly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WakeUp {
    audience: Audience,
    position: i64,
}

/// The live feed of this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct LiveFeed {
    hub: Arc<Hub>,
    poller: mpsc::Sender<WakeUp>,
    replicas: Option<mpsc::Sender<WakeUp>>,
}

impl LiveFeed {
    /// Starts the poller and, if Redis is configured, the channel to the other replicas. Both end with the runtime.
    ///
    /// # Errors
    /// The URL of Redis is invalid. An unreachable Redis is not an error.
    pub fn start(runtime: &Runtime) -> Result<Self, deadpool_redis::redis::RedisError> {
        let hub = Arc::new(Hub::default());
        let (poller, wake_ups) = mpsc::channel(QUEUE_CAPACITY);
        let replicas = match runtime.settings().redis_url() {
            Some(url) => {
                let (replicas, outgoing) = mpsc::channel(QUEUE_CAPACITY);
                RedisChannel::new(url, &runtime.settings().topic_prefix)?.start(
                    runtime,
                    outgoing,
                    poller.clone(),
                );
                Some(replicas)
            }
            None => None,
        };
        let (db, shared) = (runtime.platform_db(), Arc::clone(&hub));
        runtime.spawn("live feed", |stop| async move {
            poller::run(db, shared, wake_ups, stop).await;
        });
        Ok(Self {
            hub,
            poller,
            replicas,
        })
    }

    /// Wakes the pollers of this process and of the other replicas. A lost wake-up delays the message by at most one
    /// poll interval.
    pub fn wake(&self, audience: Audience, position: i64) {
        let wake_up = WakeUp { audience, position };
        let _left_to_regular_poll = self.poller.try_send(wake_up);
        if let Some(replicas) = &self.replicas {
            let _left_to_regular_poll = replicas.try_send(wake_up);
        }
    }

    /// Subscribes to the audiences, resuming after `from`, or starting with the next message if it is absent.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn subscribe(
        &self,
        runtime: &Runtime,
        audiences: Audiences,
        from: Option<Cursor>,
    ) -> Result<(FeedReader, Subscription), StoreError> {
        let now = feed::ends(&runtime.platform_db(), &audiences).await?;
        // The order matters: messages committed up to `now` are read from the table, all later ones arrive live.
        let at_end = FeedReader::new(audiences, None, now);
        let subscription = Hub::subscribe(&self.hub, &at_end.positions());
        Ok((FeedReader::new(audiences, from, now), subscription))
    }
}
