//! The tables, as sea-orm sees them.

pub(super) mod email;
pub(super) mod feed;
