//! The tables as sea-orm entities.

pub(super) mod password_token;
pub(super) mod user;
