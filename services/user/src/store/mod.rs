//! Queries over the tables of the platform database. No decisions.

mod entities;

pub mod password_tokens;
pub mod users;
