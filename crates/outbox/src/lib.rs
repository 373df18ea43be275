#![doc = include_str!("../README.md")]

mod append;
mod backlog_gauges;
mod dirty_outboxes;
mod drain;
pub mod inbox;
mod lease;
mod metrics;
mod refused;
mod relay;

pub use append::{append, depth};
pub use dirty_outboxes::DirtyOutboxes;
pub use drain::{DrainOutcome, drain_once};
pub use refused::{
    RefusedEvent, count_refused, discard_refused, list_refused, refuse, requeue_refused,
};
pub use relay::{OutboxId, Outboxes, Relay, RelaySettings, RelayWaker, SourceError, Sweep};

/// DDL of the tables `outbox`, `outbox_refused` and `inbox`. Idempotent. Run it in each schema that publishes or
/// consumes events.
pub const SCHEMA: &str = include_str!("schema.sql");

/// DDL of the table behind [`DirtyOutboxes`]. Idempotent. Run it in the platform database of the service.
pub const DIRTY_OUTBOXES_SCHEMA: &str = include_str!("dirty_outboxes.sql");
