//! Rows. No decisions.

pub mod provisioning;
pub mod tenants;
