//! A record as Kafka takes it.

use std::borrow::Cow;

/// Bytes for a topic, as they are: no envelope made, no schema asked for, no key rule.
#[derive(Clone, Debug, Default)]
pub struct RawRecord {
    /// The topic without prefix.
    pub topic: String,
    /// Where it must go; `None` lets the key decide.
    pub partition: Option<i32>,
    /// Decides the partition.
    pub key: Option<Vec<u8>>,
    /// `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// In order; names may repeat.
    pub headers: Vec<(Cow<'static, str>, Option<Vec<u8>>)>,
}
