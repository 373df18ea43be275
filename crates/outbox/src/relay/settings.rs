//! Settings of the relay.

use std::time::Duration;

/// Concurrency limits, batch size, intervals and timeouts of a [`Relay`](crate::Relay).
#[derive(Clone, Debug)]
pub struct RelaySettings {
    /// Maximum number of concurrent drain attempts. An attempt that waits for its database longer than 200 ms no longer
    /// counts; there are at most eight times as many of those.
    pub concurrency: usize,
    /// Maximum number of concurrent retries for outboxes whose database did not respond to the last attempt. Separate
    /// from `concurrency`, so that unresponsive databases do not delay the others.
    pub retry_concurrency: usize,
    /// Maximum number of rows in a claim, after which the next outbox is drained. If no other outbox is queued, up to
    /// seven claims of four times the size follow under the same lease. A claim also ends at 16 MiB of payload.
    pub batch_size: i64,
    /// Interval between sweeps over the dirty outboxes.
    pub dirty_sweep_interval: Duration,
    /// Interval between sweeps over all outboxes. The first one starts immediately.
    pub full_sweep_interval: Duration,
    /// Timeout for acquiring a connection and for claiming rows, after which the outbox backs off.
    pub database_timeout: Duration,
    /// Timeout for publishing the claimed rows and for settling them, after which they are published again by the next
    /// attempt. At most one minute, because the session's idle timeout is 70 seconds.
    pub publish_timeout: Duration,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            concurrency: 8,
            retry_concurrency: 4,
            batch_size: 500,
            dirty_sweep_interval: Duration::from_secs(5),
            full_sweep_interval: Duration::from_mins(5),
            database_timeout: Duration::from_secs(2),
            publish_timeout: Duration::from_mins(1),
        }
    }
}
