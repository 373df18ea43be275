//! Wake-ups from replica to replica. Redis only makes the feed quicker: whatever is lost here is found by the next look.

use std::{str::FromStr, time::Duration};

use deadpool_redis::redis::{self, RedisError, RedisResult};
use futures::StreamExt;
use service::Runtime;
use tokio::sync::mpsc;

use super::Wake;

/// One question to Redis at the most.
const PATIENCE: Duration = Duration::from_secs(1);
/// Before the next try to connect.
const PAUSE: Duration = Duration::from_millis(500);
/// Wake-ups told in one go.
const AT_ONCE: usize = 128;

/// The way to the other replicas.
#[derive(Clone)]
pub(super) struct RedisLink {
    client: redis::Client,
    channel: String,
}

impl std::fmt::Display for Wake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.audience, self.place)
    }
}

impl FromStr for Wake {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (audience, place) = text.split_once(' ').ok_or(())?;
        Ok(Self {
            audience: audience.parse().map_err(drop)?,
            place: place.parse().map_err(drop)?,
        })
    }
}

impl RedisLink {
    pub(super) fn new(url: &str, prefix: &str) -> Result<Self, RedisError> {
        let channel = format!("{prefix}tenantry:notification:feed");
        Ok(Self {
            client: redis::Client::open(url)?,
            channel,
        })
    }

    /// Tells and listens until the runtime ends.
    pub(super) fn start(
        self,
        runtime: &Runtime,
        outgoing: mpsc::Receiver<Wake>,
        pump: mpsc::Sender<Wake>,
    ) {
        let listener = self.clone();
        runtime.spawn("live feed to others", |stop| async move {
            stop.run_until_cancelled(self.tell(outgoing)).await;
        });
        runtime.spawn("live feed from others", |stop| async move {
            stop.run_until_cancelled(listener.listen(pump)).await;
        });
    }

    async fn tell(self, mut outgoing: mpsc::Receiver<Wake>) {
        let mut connection = None;
        let mut wakes = Vec::with_capacity(AT_ONCE);
        while outgoing.recv_many(&mut wakes, AT_ONCE).await > 0 {
            let mut told = redis::pipe();
            for wake in wakes.drain(..) {
                told.cmd("PUBLISH")
                    .arg(&self.channel)
                    .arg(wake.to_string())
                    .ignore();
            }
            let telling = async {
                let mut open = match connection.take() {
                    Some(open) => open,
                    None => self.client.get_multiplexed_async_connection().await?,
                };
                told.query_async::<()>(&mut open).await?;
                RedisResult::Ok(open)
            };
            match in_time(telling).await {
                Ok(open) => connection = Some(open),
                Err(error) => {
                    tracing::warn!(%error, "Redis is away: other replicas find live messages by looking");
                    tokio::time::sleep(PAUSE).await;
                    // What piled up meanwhile has been found by looking.
                    while outgoing.try_recv().is_ok() {}
                }
            }
        }
    }

    async fn listen(self, pump: mpsc::Sender<Wake>) {
        let mut away = false;
        loop {
            match self.hear(&pump, away).await {
                Ok(()) => tracing::warn!("Redis ended the subscription to live messages"),
                Err(error) if !away => {
                    tracing::warn!(%error, "Redis is away: live messages are found by looking");
                }
                Err(_) => {}
            }
            away = true;
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn hear(&self, pump: &mpsc::Sender<Wake>, was_away: bool) -> RedisResult<()> {
        let mut subscription = in_time(async {
            let mut subscription = self.client.get_async_pubsub().await?;
            subscription.subscribe(&self.channel).await?;
            Ok(subscription)
        })
        .await?;
        if was_away {
            tracing::info!("Redis is back: live messages are announced");
        }
        let mut messages = subscription.on_message();
        while let Some(message) = messages.next().await {
            // One that cannot be read, or for which there is no room, is left to the next look.
            if let Ok(wake) = message.get_payload::<String>()?.parse() {
                let _late_at_worst = pump.try_send(wake);
            }
        }
        Ok(())
    }
}

async fn in_time<T>(answer: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    let late = || RedisError::from((redis::ErrorKind::Io, "no answer in time"));
    tokio::time::timeout(PATIENCE, answer)
        .await
        .unwrap_or_else(|_| Err(late()))
}

#[cfg(test)]
mod tests {
    use auth::UserId;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::domain::Audience;

    proptest! {
        #[test]
        fn a_wake_up_reads_back_as_it_is_written(id: u128, place in 0..i64::MAX) {
            let wake = Wake { audience: Audience::User(UserId::from(Uuid::from_u128(id))), place };
            prop_assert_eq!(wake.to_string().parse(), Ok(wake));
        }

        #[test]
        fn nonsense_is_no_wake_up(text in "[a-z0-9: ]{0,20}") {
            prop_assume!(!text.starts_with("platform "));
            prop_assert!(text.parse::<Wake>().is_err());
        }
    }
}
