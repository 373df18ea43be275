//! Queries over the tables of the platform database. No decisions.

mod entities;

pub mod emails;
pub mod feed;
