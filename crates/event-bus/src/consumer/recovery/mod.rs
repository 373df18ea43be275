//! What happens to records that cannot be handled now: dead letters, parked sequences, catching up of lagging keys.

pub(in crate::consumer) mod catch_up;
pub(in crate::consumer) mod dead_letters;
pub(in crate::consumer) mod parking;
