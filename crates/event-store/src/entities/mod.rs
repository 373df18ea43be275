//! The tables, as sea-orm sees them.

pub(crate) mod event;
pub(crate) mod offset;
pub(crate) mod snapshot;
