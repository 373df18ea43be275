//! Where a record is in the log.

/// The place of a record that all in-sync replicas have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Published {
    /// The partition.
    pub partition: i32,
    /// The record's place in it, from 0.
    pub offset: i64,
}
