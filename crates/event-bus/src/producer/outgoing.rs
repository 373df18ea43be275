//! What the link needs to know of a record, whatever it was made from.

use rdkafka::message::{Header, OwnedHeaders};

use super::{RawRecord, SendOptions, StoredEvent};
use crate::{OutboundRecord, codec};

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
    fn headers(&self) -> OwnedHeaders;
    /// The value as on the wire, put into `buffer` unless it lies ready.
    fn value<'a>(&'a self, schema_id: u32, buffer: &'a mut Vec<u8>) -> Option<&'a [u8]>;
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

    fn headers(&self) -> OwnedHeaders {
        let headers = self.envelope.to_headers();
        let empty = OwnedHeaders::new_with_capacity(headers.len());
        headers.iter().fold(empty, |owned, (name, value)| {
            owned.insert(Header {
                key: name,
                value: Some(value.as_str()),
            })
        })
    }

    fn value<'a>(&'a self, schema_id: u32, buffer: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        Some(framed(schema_id, &self.datum, buffer))
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

    fn headers(&self) -> OwnedHeaders {
        let headers = self.headers();
        let empty = OwnedHeaders::new_with_capacity(headers.len());
        headers.fold(empty, |owned, (name, value)| {
            owned.insert(Header {
                key: name,
                value: Some(value),
            })
        })
    }

    fn value<'a>(&'a self, schema_id: u32, buffer: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        Some(framed(schema_id, self.datum(), buffer))
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

    fn headers(&self) -> OwnedHeaders {
        let empty = OwnedHeaders::new_with_capacity(self.headers.len());
        self.headers.iter().fold(empty, |owned, (name, value)| {
            owned.insert(Header {
                key: name,
                value: value.as_ref(),
            })
        })
    }

    fn value<'a>(&'a self, _schema_id: u32, _buffer: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        self.value.as_deref()
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

    fn headers(&self) -> OwnedHeaders {
        let own = Outgoing::headers(&self.record);
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

    fn value<'a>(&'a self, schema_id: u32, buffer: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        self.record.value(schema_id, buffer)
    }
}

fn framed<'a>(schema_id: u32, datum: &[u8], buffer: &'a mut Vec<u8>) -> &'a [u8] {
    buffer.clear();
    codec::frame_into(schema_id, datum, buffer);
    buffer
}
