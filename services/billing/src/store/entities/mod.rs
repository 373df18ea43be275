//! The sea-orm entities of the tables.

pub(super) mod package;
pub(super) mod payment;
pub(super) mod subscription;
