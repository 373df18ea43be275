//! What the link needs to know of a record, whatever it was made from.

use rdkafka::message::{Header, OwnedHeaders};

use crate::{
    ContentMode, OutboundRecord, PublishError, RawRecord, codec,
    envelope::{CONTENT_TYPE, STRUCTURED_CONTENT_TYPE, structured},
    producer::{SendOptions, StoredEvent},
};

/// A record on its way to librdkafka, which copies all it is shown: buffers are lent, not given.
pub(super) trait Outgoing: Sync {
    /// The topic without prefix.
    fn topic(&self) -> &str;
    /// After a failed record none with the same value counts as published.
    fn order(&self) -> &[u8];
    /// The type of event, if it is known.
    fn event_type(&self) -> Option<&str>;
    fn key(&self) -> Option<&[u8]>;
    fn partition(&self) -> Option<i32> {
        None
    }
    fn headers(&self, mode: ContentMode) -> OwnedHeaders;
    /// The value as on the wire, put into `buffer` unless it lies ready.
    ///
    /// # Errors
    /// When the payload cannot be written in this mode.
    fn value<'a>(
        &'a self,
        schema_id: u32,
        mode: ContentMode,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, PublishError>;
}

impl Outgoing for OutboundRecord {
    fn topic(&self) -> &str {
        &self.topic
    }

    fn order(&self) -> &[u8] {
        self.envelope.partition_key.as_bytes()
    }

    fn event_type(&self) -> Option<&str> {
        Some(&self.envelope.event_type)
    }

    fn key(&self) -> Option<&[u8]> {
        Some(self.envelope.partition_key.as_bytes())
    }

    fn headers(&self, mode: ContentMode) -> OwnedHeaders {
        if mode == ContentMode::Structured {
            return structured_headers();
        }
        let headers = self.envelope.to_headers();
        let empty = OwnedHeaders::new_with_capacity(headers.len());
        headers.iter().fold(empty, |owned, (name, value)| {
            owned.insert(Header {
                key: name,
                value: Some(value.as_str()),
            })
        })
    }

    fn value<'a>(
        &'a self,
        schema_id: u32,
        mode: ContentMode,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, PublishError> {
        framed(schema_id, &self.datum, buffer);
        if mode == ContentMode::Structured {
            let structured = self.envelope.to_structured(Some(buffer));
            *buffer = structured.map_err(|error| PublishError::Refused(error.to_string()))?;
        }
        Ok(Some(buffer))
    }
}

impl Outgoing for StoredEvent {
    fn topic(&self) -> &str {
        self.topic()
    }

    fn order(&self) -> &[u8] {
        self.key().as_bytes()
    }

    fn event_type(&self) -> Option<&str> {
        Some(self.event_type())
    }

    fn key(&self) -> Option<&[u8]> {
        Some(self.key().as_bytes())
    }

    fn headers(&self, mode: ContentMode) -> OwnedHeaders {
        if mode == ContentMode::Structured {
            return structured_headers();
        }
        let headers = self.headers();
        let empty = OwnedHeaders::new_with_capacity(headers.len());
        headers.fold(empty, |owned, (name, value)| {
            owned.insert(Header {
                key: name,
                value: Some(value),
            })
        })
    }

    fn value<'a>(
        &'a self,
        schema_id: u32,
        mode: ContentMode,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, PublishError> {
        framed(schema_id, self.datum(), buffer);
        if mode == ContentMode::Structured {
            let structured = structured(self.headers().map(attribute), buffer);
            *buffer = structured.map_err(|error| PublishError::Refused(error.to_string()))?;
        }
        Ok(Some(buffer))
    }
}

impl Outgoing for RawRecord {
    fn topic(&self) -> &str {
        &self.topic
    }

    fn order(&self) -> &[u8] {
        self.key.as_deref().unwrap_or_default()
    }

    fn event_type(&self) -> Option<&str> {
        None
    }

    fn key(&self) -> Option<&[u8]> {
        self.key.as_deref()
    }

    fn partition(&self) -> Option<i32> {
        self.partition
    }

    fn headers(&self, _mode: ContentMode) -> OwnedHeaders {
        let empty = OwnedHeaders::new_with_capacity(self.headers.len());
        self.headers.iter().fold(empty, |owned, (name, value)| {
            owned.insert(Header {
                key: name,
                value: value.as_ref(),
            })
        })
    }

    fn value<'a>(
        &'a self,
        _schema_id: u32,
        _mode: ContentMode,
        _buffer: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, PublishError> {
        Ok(self.value.as_deref())
    }
}

/// An event with what its caller chose for it.
pub(super) struct Chosen<'a> {
    pub(super) record: OutboundRecord,
    pub(super) options: &'a SendOptions,
}

impl Outgoing for Chosen<'_> {
    fn topic(&self) -> &str {
        self.record.topic()
    }

    fn order(&self) -> &[u8] {
        self.record.order()
    }

    fn event_type(&self) -> Option<&str> {
        self.record.event_type()
    }

    fn key(&self) -> Option<&[u8]> {
        Outgoing::key(&self.record)
    }

    fn partition(&self) -> Option<i32> {
        self.options.partition
    }

    fn headers(&self, mode: ContentMode) -> OwnedHeaders {
        let own = Outgoing::headers(&self.record, mode);
        self.options
            .headers
            .iter()
            .fold(own, |owned, (name, value)| {
                owned.insert(Header {
                    key: name,
                    value: Some(value),
                })
            })
    }

    fn value<'a>(
        &'a self,
        schema_id: u32,
        mode: ContentMode,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, PublishError> {
        self.record.value(schema_id, mode, buffer)
    }
}

fn framed(schema_id: u32, datum: &[u8], buffer: &mut Vec<u8>) {
    buffer.clear();
    codec::frame_into(schema_id, datum, buffer);
}

fn structured_headers() -> OwnedHeaders {
    OwnedHeaders::new_with_capacity(1).insert(Header {
        key: CONTENT_TYPE,
        value: Some(STRUCTURED_CONTENT_TYPE),
    })
}

/// The attribute that a header of binary mode stands for.
fn attribute<'a>((header, value): (&'a str, &'a str)) -> (&'a str, &'a str) {
    match header.strip_prefix("ce_") {
        Some(name) => (name, value),
        None => ("datacontenttype", value),
    }
}
