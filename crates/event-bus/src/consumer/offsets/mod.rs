//! Offsets of a partition: which records are done, and up to where they can be committed.
//!
//! Depends on no other module of the consumer but the ordering keys.

pub(in crate::consumer) mod completed_offsets;
pub(in crate::consumer) mod partition;
pub(in crate::consumer) mod partition_state;
pub(in crate::consumer) mod tracker;
