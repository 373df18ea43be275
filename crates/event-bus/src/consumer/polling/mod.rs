//! The polling thread: group membership, assignment, reading records and committing offsets.

pub(in crate::consumer) mod assignment;
pub(in crate::consumer) mod poll_loop;
pub(in crate::consumer) mod start_offsets;
