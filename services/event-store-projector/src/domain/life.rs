//! What every state says of its history.

use event_bus::Envelope;
use events::Timestamp;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// When a thing came to be, when it last changed, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Life {
    /// When it came to be.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When its last event happened.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// The version its last event made it.
    pub version: u64,
}

impl Life {
    /// It begins with this event.
    pub fn begin(envelope: &Envelope) -> Self {
        let time = Timestamp::from(envelope.time).time();
        Self {
            created_at: time,
            updated_at: time,
            version: envelope.sequence,
        }
    }

    /// It goes on with this event.
    pub fn go_on(&mut self, envelope: &Envelope) {
        self.updated_at = Timestamp::from(envelope.time).time();
        self.version = envelope.sequence;
    }
}
