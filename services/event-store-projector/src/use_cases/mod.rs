//! What callers can ask for.

mod error;
mod find_events;
mod show_aggregate;
mod treat_letters;

pub use error::ReadError;
pub use find_events::find_events;
pub use show_aggregate::{AggregateState, show_aggregate};
pub use treat_letters::{Orders, Run, TreatError, treat_letters};
