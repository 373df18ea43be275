//! Clients that only ask: no group, no subscription.

use std::time::{Duration, Instant};

use rdkafka::{
    ClientConfig, ClientContext,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::KafkaError,
};

use crate::{BusError, security::Trouble};

/// How long one look for an answer takes; between two, errors are read.
const STEP: Duration = Duration::from_millis(100);

/// The context of clients that ask: keeps the reason why no answer comes.
#[derive(Default)]
pub(crate) struct Asking {
    trouble: Trouble,
}

impl ClientContext for Asking {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "trouble with the broker");
        self.trouble.note(&error, reason);
    }
}

impl ConsumerContext for Asking {}

/// A client that asks the broker and reads from partitions assigned by hand.
pub(crate) type Reader = BaseConsumer<Asking>;

/// A reader to which a broker has answered. Blocks; run it where that is allowed.
///
/// # Errors
/// As [`answering`].
pub(crate) fn reader(config: &ClientConfig, timeout: Duration) -> Result<Reader, BusError> {
    let reader = unconnected(config)?;
    answering(&reader, timeout)?;
    Ok(reader)
}

/// A reader that connects by itself, when it can.
pub(crate) fn unconnected(config: &ClientConfig) -> Result<Reader, BusError> {
    Ok(config.create_with_context(Asking::default())?)
}

/// Waits until a broker has answered; at once if one has before. Blocks.
///
/// # Errors
/// The reason, as soon as it is one that waiting does not mend (a wrong password, a certificate nobody
/// trusts); else after `timeout`.
pub(crate) fn answering(reader: &Reader, timeout: Duration) -> Result<(), BusError> {
    let deadline = Instant::now() + timeout;
    loop {
        if reader.client().fetch_cluster_id(STEP).is_some() {
            return Ok(());
        }
        // What librdkafka has to say waits until somebody looks.
        while reader.poll(Duration::ZERO).is_some() {}
        let trouble = &reader.context().trouble;
        if trouble.needs_action() {
            return Err(BusError::Broker(trouble.explain("it refuses this client")));
        }
        if Instant::now() > deadline {
            return Err(BusError::Broker(trouble.explain("no answer in time")));
        }
    }
}
