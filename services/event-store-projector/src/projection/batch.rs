//! Records read: events to be stored, and what cannot be.

use std::time::Duration;

use event_bus::{DecodedRecord, Failure, FailureClass};
use event_store::{LogPlace, NewEvent};
use tokio_util::sync::CancellationToken;

use super::shape;

/// How long to wait for the registry before asking again.
const REGISTRY_PAUSE: Duration = Duration::from_secs(1);

/// What a record holds.
pub(super) enum Content {
    /// An event.
    Event(Box<NewEvent>),
    /// A replay for another group.
    PassedOver,
    /// Something for the dead-letter topic.
    Dead {
        /// The class of its error.
        class: &'static str,
        /// What is wrong with it.
        error: String,
    },
}

/// A record and what it holds.
pub(super) struct Decoded {
    pub(super) record: DecodedRecord,
    pub(super) content: Content,
}

/// Records in the order they were read.
pub(super) struct Batch(pub(super) Vec<Decoded>);

impl Batch {
    /// Reads all payloads. While the registry is away it waits; `None` if it was told to stop then.
    pub(super) async fn decode(
        records: Vec<DecodedRecord>,
        stop: &CancellationToken,
    ) -> Option<Self> {
        let mut batch = Vec::with_capacity(records.len());
        for record in records {
            let content = loop {
                match content_of(&record).await {
                    Ok(content) => break content,
                    Err(away) => {
                        tracing::warn!(error = %away.story(), "waiting: a schema cannot be had");
                        stop.run_until_cancelled(tokio::time::sleep(REGISTRY_PAUSE))
                            .await?;
                    }
                }
            };
            batch.push(Decoded { record, content });
        }
        Some(Self(batch))
    }
}

/// # Errors
/// What is needed to read the record is away.
async fn content_of(record: &DecodedRecord) -> Result<Content, Failure> {
    if record.is_for_another {
        return Ok(Content::PassedOver);
    }
    let read = match record.record() {
        Ok(read) => read,
        Err(unreadable) => {
            return Ok(Content::Dead {
                class: unreadable.class,
                error: unreadable.error,
            });
        }
    };
    let mut payload = match read.decode_json().await {
        Ok(payload) => payload,
        Err(failure) if failure.class() == FailureClass::Permanent => {
            return Ok(Content::Dead {
                class: "undecodable",
                error: failure.story(),
            });
        }
        Err(away) => return Err(away),
    };
    if let Err(error) = shape::fit(&read.envelope.event_type, &mut payload) {
        return Ok(Content::Dead {
            class: "undecodable",
            error,
        });
    }
    let place = LogPlace {
        topic: record.topic.clone(),
        partition: record.partition,
        offset: record.offset,
    };
    Ok(
        match NewEvent::new((*read.envelope).clone(), payload, place) {
            Ok(event) => Content::Event(Box::new(event)),
            Err(unstorable) => Content::Dead {
                class: "unstorable",
                error: unstorable.to_string(),
            },
        },
    )
}
