#![doc = include_str!("../README.md")]

mod backlog;
mod drain;
mod lease;
mod marks;
mod metrics;
mod refused;
mod relay;
mod rows;

pub use drain::{Drained, drain_once};
pub use marks::Marks;
pub use refused::{RefusedEvent, count_refused, discard_refused, refused, requeue, set_aside};
pub use relay::{Nudge, OutboxId, Outboxes, Relay, RelaySettings, SourceError, Sweep};
pub use rows::{append, depth, first_time};

/// The tables `outbox`, `outbox_refused` and `inbox`. Idempotent; run it once in each schema that publishes or consumes.
pub const SCHEMA: &str = include_str!("schema.sql");

/// The table of [`Marks`]. Idempotent; run it in the service's platform database.
pub const MARKS_SCHEMA: &str = include_str!("marks.sql");
