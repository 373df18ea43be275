//! The tables, as sea-orm sees them.

pub(super) mod password_token;
pub(super) mod user;
