//! The sea-orm entities of the tables.

pub(super) mod audit_entry;
pub(super) mod login_fact;
pub(super) mod order_fact;
