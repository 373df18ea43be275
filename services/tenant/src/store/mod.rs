//! Queries over the tables of the platform database. No decisions.

mod entities;
pub mod provisioning;
pub mod tenants;
