#![doc = include_str!("../README.md")]

mod drain;
mod marks;
mod metrics;
mod relay;
mod rows;

pub use drain::{Drained, drain_once};
pub use marks::Marks;
pub use relay::{Nudge, OutboxId, Outboxes, Relay, RelaySettings, SourceError, Sweep};
pub use rows::{append, depth, first_time};

/// The tables `outbox` and `inbox`. Idempotent; run it once in each schema that publishes or consumes.
pub const SCHEMA: &str = include_str!("schema.sql");

/// The table of [`Marks`]. Idempotent; run it in the service's platform database.
pub const MARKS_SCHEMA: &str = include_str!("marks.sql");
