//! Why a record was not published, and so what the publisher should do.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::{Dependency, Failure, InvalidEvent, RegistryError, security::with_hint};

/// A record that was not (or not surely) published.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PublishError {
    /// Broker or registry are away: send it again later. It may be in the log already, with the same id.
    #[error("not published for now: {0}")]
    Unavailable(String),
    /// This record will never be accepted, whoever sends it and whenever: it is too large or not an event.
    #[error("can never be published: {0}")]
    Refused(String),
    /// Its schema is not known here, or the registry refuses it. Somebody can mend that: a newer program knows the
    /// schema, an operator can allow it. Until then it is refused again.
    #[error("cannot be published until its schema is mended: {0}")]
    Schema(String),
    /// An earlier record of the same key failed; send it again after that one.
    #[error("not published: an earlier record of its key was not")]
    AfterFailed,
}

impl PublishError {
    /// Whether sending the same record again can ever succeed.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }

    /// What a handler says that failed because of this.
    pub fn into_failure(self) -> Failure {
        match self {
            Self::Refused(_) | Self::Schema(_) => Failure::permanent(self),
            Self::Unavailable(_) | Self::AfterFailed => {
                Failure::unavailable(self).of(Dependency::shared("kafka"))
            }
        }
    }

    /// As a label of a metric.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Refused(_) => "refused",
            Self::Schema(_) => "schema",
            Self::AfterFailed => "after_failed",
        }
    }

    /// A corrupt message (Kafka's `CORRUPT_MESSAGE`) is not refused for good: it came to harm on its way.
    pub(super) fn of_kafka(error: &KafkaError) -> Self {
        match error.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::MessageSizeTooLarge
                | RDKafkaErrorCode::InvalidMessageSize
                | RDKafkaErrorCode::InvalidRecord
                | RDKafkaErrorCode::InvalidTimestamp,
            ) => Self::Refused(error.to_string()),
            _ => Self::Unavailable(with_hint(error)),
        }
    }
}

impl From<InvalidEvent> for PublishError {
    fn from(error: InvalidEvent) -> Self {
        Self::Refused(error.to_string())
    }
}

impl From<RegistryError> for PublishError {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Unavailable(_) => Self::Unavailable(error.to_string()),
            RegistryError::Refused(_) | RegistryError::UnknownId(_) => {
                Self::Schema(error.to_string())
            }
        }
    }
}
