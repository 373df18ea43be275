//! A Kafka record before it is sent.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    Envelope, InvalidEnvelope,
    envelope::{CONTENT_TYPE, STRUCTURED_CONTENT_TYPE},
};

/// Where a record keeps its event's attributes: the content modes of the `CloudEvents` Kafka binding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentMode {
    /// In headers `ce_*`; the value is the payload.
    #[default]
    Binary,
    /// In the value, one JSON object with the payload in it: for readers and bridges that keep no headers.
    Structured,
}

/// Bytes for a topic, as they are: no schema asked for, no key rule.
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

impl RawRecord {
    /// The record of one event, keyed by its `partitionkey`. `payload` is as the envelope's content type says; an Avro
    /// payload begins with the registry's id.
    ///
    /// # Errors
    /// In structured mode, when the content type says JSON and the payload is none.
    pub fn of(
        topic: impl Into<String>,
        envelope: &Envelope,
        payload: Option<Vec<u8>>,
        mode: ContentMode,
    ) -> Result<Self, InvalidEnvelope> {
        let text = |(name, value): (_, String)| (name, Some(value.into_bytes()));
        let (value, headers) = match mode {
            ContentMode::Binary => {
                let headers = envelope.to_headers().into_iter().map(text);
                (payload, headers.collect())
            }
            ContentMode::Structured => {
                let value = envelope.to_structured(payload.as_deref())?;
                let content_type = STRUCTURED_CONTENT_TYPE.to_owned();
                let headers = vec![text((Cow::Borrowed(CONTENT_TYPE), content_type))];
                (Some(value), headers)
            }
        };
        let key = envelope.partition_key.as_bytes();
        Ok(Self {
            topic: topic.into(),
            partition: None,
            key: (!key.is_empty()).then(|| key.to_vec()),
            value,
            headers,
        })
    }
}
