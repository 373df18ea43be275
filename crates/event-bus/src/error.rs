//! What can be wrong before any event is handled.

use rdkafka::error::KafkaError;

/// A bus that cannot be built or asked.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// A setting is wrong; the text names it.
    #[error("{0}")]
    Settings(String),
    /// The Kafka client refuses, or the broker did not answer.
    #[error("kafka: {0}")]
    Kafka(#[from] KafkaError),
    /// The broker does not let this client in, or none answers; the text says why and what to do.
    #[error("kafka: {0}")]
    Broker(String),
    /// A thread or task of the bus died.
    #[error("a part of the bus died: {0}")]
    Died(String),
}
