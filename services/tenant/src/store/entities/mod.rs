//! The tables, as sea-orm sees them.

pub(super) mod provisioning;
pub(super) mod tenant;
