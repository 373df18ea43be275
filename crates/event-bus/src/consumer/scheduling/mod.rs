//! Which record runs when: lanes in order of their key, limits of what is in flight, fairness between keys.

pub(in crate::consumer) mod fair_scheduler;
pub(in crate::consumer) mod in_flight_limiter;
pub(in crate::consumer) mod lanes;
pub(in crate::consumer) mod ordering_key;
