//! Names of topics and headers that several parts of the bus agree on.

/// Suffix of the dead-letter topic beside each topic.
pub const DEAD_LETTER_SUFFIX: &str = ".dlq";

/// Header of a replayed record: the consumer group that the replay is for.
pub const REPLAY_GROUP_HEADER: &str = "dlq-replay-group";
