//! Offsets of a partition: which records are done, and up to where they can be committed.
//!
//! Uses nothing of the other rooms but ordering keys.

pub(in crate::consumer) mod completed_offsets;
pub(in crate::consumer) mod partition;
pub(in crate::consumer) mod partition_state;
pub(in crate::consumer) mod tracker;
