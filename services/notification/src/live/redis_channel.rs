//! Wake-ups between replicas over Redis publish/subscribe. Redis only reduces latency: the next regular poll finds the
//! messages of lost wake-ups.

use std::{fmt, str::FromStr, time::Duration};

use deadpool_redis::redis::{self, RedisError, RedisResult};
use futures::StreamExt;
use service::Runtime;
use tokio::sync::mpsc;

use super::WakeUp;

/// Time limit of one Redis command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(1);
/// Delay before reconnecting.
const RECONNECT_DELAY: Duration = Duration::from_millis(500);
/// Wake-ups published in one pipeline.
const BATCH_SIZE: usize = 128;

/// The Redis channel that all replicas publish to and subscribe to.
#[derive(Clone)]
pub(super) struct RedisChannel {
    client: redis::Client,
    channel: String,
}

/// The text is not a [`WakeUp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid wake-up, should be an audience and a position")]
pub(super) struct ParseWakeUpError;

impl fmt::Display for WakeUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.audience, self.position)
    }
}

impl FromStr for WakeUp {
    type Err = ParseWakeUpError;

    fn from_str(text: &str) -> Result<Self, ParseWakeUpError> {
        let (audience, position) = text.split_once(' ').ok_or(ParseWakeUpError)?;
        Ok(Self {
            audience: audience.parse().map_err(|_| ParseWakeUpError)?,
            position: position.parse().map_err(|_| ParseWakeUpError)?,
        })
    }
}

impl RedisChannel {
    pub(super) fn new(url: &str, prefix: &str) -> Result<Self, RedisError> {
        let channel = format!("{prefix}tenantry:notification:feed");
        Ok(Self {
            client: redis::Client::open(url)?,
            channel,
        })
    }

    /// Publishes the wake-ups from `outgoing` and forwards those of other replicas to the poller, until the runtime ends.
    pub(super) fn start(
        self,
        runtime: &Runtime,
        outgoing: mpsc::Receiver<WakeUp>,
        poller: mpsc::Sender<WakeUp>,
    ) {
        let subscriber = self.clone();
        runtime.spawn("live feed publisher", |stop| async move {
            stop.run_until_cancelled(self.publish(outgoing)).await;
        });
        runtime.spawn("live feed subscriber", |stop| async move {
            stop.run_until_cancelled(subscriber.subscribe(poller)).await;
        });
    }

    async fn publish(self, mut outgoing: mpsc::Receiver<WakeUp>) {
        let mut connection = None;
        let mut wake_ups = Vec::with_capacity(BATCH_SIZE);
        while outgoing.recv_many(&mut wake_ups, BATCH_SIZE).await > 0 {
            let mut pipeline = redis::pipe();
            for wake_up in wake_ups.drain(..) {
                pipeline
                    .cmd("PUBLISH")
                    .arg(&self.channel)
                    .arg(wake_up.to_string())
                    .ignore();
            }
            let published = async {
                let mut open = match connection.take() {
                    Some(open) => open,
                    None => self.client.get_multiplexed_async_connection().await?,
                };
                pipeline.query_async::<()>(&mut open).await?;
                RedisResult::Ok(open)
            };
            match with_timeout(published).await {
                Ok(open) => connection = Some(open),
                Err(error) => {
                    tracing::warn!(%error, "redis is unavailable, other replicas find live messages by polling");
                    tokio::time::sleep(RECONNECT_DELAY).await;
                    // The messages of queued wake-ups have been found by polling meanwhile.
                    while outgoing.try_recv().is_ok() {}
                }
            }
        }
    }

    async fn subscribe(self, poller: mpsc::Sender<WakeUp>) {
        let mut unavailable = false;
        loop {
            match self.receive(&poller, unavailable).await {
                Ok(()) => tracing::warn!("redis closed the subscription to live messages"),
                Err(error) if !unavailable => {
                    tracing::warn!(%error, "redis is unavailable, live messages are found by polling");
                }
                Err(_) => {}
            }
            unavailable = true;
            tokio::time::sleep(RECONNECT_DELAY).await;
        }
    }

    async fn receive(
        &self,
        poller: &mpsc::Sender<WakeUp>,
        was_unavailable: bool,
    ) -> RedisResult<()> {
        let mut subscription = with_timeout(async {
            let mut subscription = self.client.get_async_pubsub().await?;
            subscription.subscribe(&self.channel).await?;
            Ok(subscription)
        })
        .await?;
        if was_unavailable {
            tracing::info!("redis is available again, live messages are announced");
        }
        let mut messages = subscription.on_message();
        while let Some(message) = messages.next().await {
            // An invalid wake-up, or one that does not fit into the queue, is left to the next regular poll.
            if let Ok(wake_up) = message.get_payload::<String>()?.parse() {
                let _left_to_regular_poll = poller.try_send(wake_up);
            }
        }
        Ok(())
    }
}

async fn with_timeout<T>(command: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    let timed_out = || RedisError::from((redis::ErrorKind::Io, "no answer in time"));
    tokio::time::timeout(COMMAND_TIMEOUT, command)
        .await
        .unwrap_or_else(|_| Err(timed_out()))
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
        fn text_round_trips(id: u128, position in 0..i64::MAX) {
            let wake_up = WakeUp { audience: Audience::User(UserId::from(Uuid::from_u128(id))), position };
            prop_assert_eq!(wake_up.to_string().parse(), Ok(wake_up));
        }

        #[test]
        fn invalid_text_is_refused(text in "[a-z0-9: ]{0,20}") {
            prop_assume!(!text.starts_with("platform "));
            prop_assert!(text.parse::<WakeUp>().is_err());
        }
    }
}
