//! Why a record was not published, and so what the publisher should do.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::{BadEvent, Dependency, Failure, security::with_mend};

/// A record that was not (or not surely) published.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PublishError {
    /// Broker or registry are away: send it again later. It may be in the log already, with the same id.
    #[error("not published for now: {0}")]
    Unavailable(String),
    /// This record will never be accepted: too large, unknown type, refused schema.
    #[error("can never be published: {0}")]
    Refused(String),
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
            Self::Refused(_) => Failure::permanent(self),
            Self::Unavailable(_) | Self::AfterFailed => {
                Failure::unavailable(self).of(Dependency::shared("kafka"))
            }
        }
    }

    pub(super) fn of_kafka(error: &KafkaError) -> Self {
        match error.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::MessageSizeTooLarge
                | RDKafkaErrorCode::InvalidMessage
                | RDKafkaErrorCode::InvalidMessageSize
                | RDKafkaErrorCode::InvalidRecord
                | RDKafkaErrorCode::InvalidTimestamp,
            ) => Self::Refused(error.to_string()),
            _ => Self::Unavailable(with_mend(error)),
        }
    }
}

impl From<BadEvent> for PublishError {
    fn from(error: BadEvent) -> Self {
        Self::Refused(error.to_string())
    }
}
