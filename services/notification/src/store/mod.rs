//! Rows of the platform database; no decisions.

pub mod emails;
pub mod feed;
