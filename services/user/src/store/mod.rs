//! The rows of the platform database. No decisions.

pub mod password_tokens;
pub mod users;
