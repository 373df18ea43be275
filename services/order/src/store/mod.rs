//! Queries over the tables of one tenant's database and of the platform database. No decisions.

pub mod buyers;
pub mod deadlines;
mod entities;
pub mod orders;
pub mod products;
