//! A record as it lay in the log.

use std::ops::Range;

use bytes::Bytes;
use rdkafka::{
    Message,
    message::{BorrowedMessage, Headers},
};

use crate::envelope::HeaderValue;

/// What a record costs in memory besides its bytes.
const OVERHEAD: usize = 1024;
/// Of the headers of one of our records, about.
const VALUES: usize = 512;
const NAMES: usize = 256;
const HEADERS: usize = 20;

/// The record as it lay in the log, for its reader and for the dead-letter topic.
///
/// Its headers are not pieces of memory of their own: a record has a dozen, and memory for each would cost more than all else
/// that is done with them.
#[derive(Clone)]
pub(crate) struct SourceRecord {
    /// The key, then each header's value.
    values: Values,
    key: Option<usize>,
    /// The headers' names.
    names: String,
    headers: Vec<Ends>,
    value: Option<Bytes>,
    timestamp: Option<i64>,
}

/// Looked through once, as a whole: for each value by itself it would take ten times as long.
#[derive(Clone)]
enum Values {
    /// Printable ASCII, as nearly all are.
    Plain(String),
    Bytes(Vec<u8>),
}

impl Values {
    fn of(bytes: Vec<u8>) -> Self {
        let is_plain = |plain, byte: &u8| plain & matches!(byte, b' '..=b'~');
        if !bytes.iter().fold(true, is_plain) {
            return Self::Bytes(bytes);
        }
        String::from_utf8(bytes).map_or_else(|no| Self::Bytes(no.into_bytes()), Self::Plain)
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Plain(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// Where a header's name ends among the names, and its value among the values.
#[derive(Clone, Copy)]
struct Ends {
    name: usize,
    /// `None`: it has no value.
    value: Option<usize>,
}

impl SourceRecord {
    /// A record of these shared.
    pub(crate) fn new<'a>(
        key: Option<&[u8]>,
        headers: impl IntoIterator<Item = (&'a str, Option<&'a [u8]>)>,
        value: Option<Bytes>,
        timestamp: Option<i64>,
    ) -> Self {
        let mut values = Vec::with_capacity(VALUES);
        let mut names = String::with_capacity(NAMES);
        let mut ends = Vec::with_capacity(HEADERS);
        values.extend_from_slice(key.unwrap_or_default());
        for (name, value) in headers {
            names.push_str(name);
            values.extend_from_slice(value.unwrap_or_default());
            ends.push(Ends {
                name: names.len(),
                value: value.map(|_| values.len()),
            });
        }
        Self {
            values: Values::of(values),
            key: key.map(<[u8]>::len),
            names,
            headers: ends,
            value,
            timestamp,
        }
    }

    /// A copy of all but the value, which is of no use if nobody wants the record.
    pub(in crate::consumer) fn without_value(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        let headers = headers.map(|header| (header.key, header.value));
        let timestamp = message.timestamp().to_millis();
        Self::new(message.key(), headers, None, timestamp)
    }

    /// The copy completed.
    pub(in crate::consumer) fn with_value(self, message: &BorrowedMessage<'_>) -> Self {
        Self {
            value: message.payload().map(Bytes::copy_from_slice),
            ..self
        }
    }

    /// A copy of all of it.
    pub(in crate::consumer) fn of(message: &BorrowedMessage<'_>) -> Self {
        Self::without_value(message).with_value(message)
    }

    pub(crate) fn key(&self) -> Option<&[u8]> {
        self.key.map(|end| &self.values.bytes()[..end])
    }

    /// Names and values of the headers, in order.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> + Clone {
        let values = self.values.bytes();
        self.places()
            .map(move |(name, place)| (name, place.map(|place| &values[place])))
    }

    /// The same for who reads them as an event's attributes, where no value is an empty one.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&str, HeaderValue<'_>)> {
        self.places().map(|(name, place)| {
            let place = place.unwrap_or_default();
            let value = match &self.values {
                Values::Plain(text) => HeaderValue::Plain(&text[place]),
                Values::Bytes(bytes) => HeaderValue::Bytes(&bytes[place]),
            };
            (name, value)
        })
    }

    /// The headers' names, and where their values are.
    fn places(&self) -> impl Iterator<Item = (&str, Option<Range<usize>>)> + Clone {
        let mut begin = (0, self.key.unwrap_or(0));
        self.headers.iter().map(move |ends| {
            let name = &self.names[begin.0..ends.name];
            let value = ends.value.map(|end| begin.1..end);
            begin = (ends.name, ends.value.unwrap_or(begin.1));
            (name, value)
        })
    }

    pub(crate) fn value(&self) -> Option<&Bytes> {
        self.value.as_ref()
    }

    /// When the log got it, in milliseconds since 1970.
    pub(crate) fn timestamp(&self) -> Option<i64> {
        self.timestamp
    }

    /// Its size in memory, about.
    pub(in crate::consumer) fn bytes(message: &BorrowedMessage<'_>) -> usize {
        message.key_len() + message.payload_len() + OVERHEAD
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Mostly printable, now and then all of it.
    fn bytes() -> impl Strategy<Value = Option<Vec<u8>>> {
        let byte = prop_oneof![99 => b' '..=b'~', 1 => any::<u8>()];
        proptest::option::of(proptest::collection::vec(byte, 0..9))
    }

    proptest! {
        #[test]
        fn what_is_put_in_comes_out(
            key in bytes(),
            headers in proptest::collection::vec((".{0,6}", bytes()), 0..30),
            value in bytes(),
        ) {
            let given = || headers.iter().map(|(name, value)| (name.as_str(), value.as_deref()));
            let value = value.map(Bytes::from);

            let original = SourceRecord::new(key.as_deref(), given(), value.clone(), Some(7));

            prop_assert_eq!(original.key(), key.as_deref());
            prop_assert!(original.headers().eq(given()));
            prop_assert_eq!(original.value(), value.as_ref());
            prop_assert_eq!(original.timestamp(), Some(7));
            for ((_, value), (_, given)) in original.attributes().zip(given()) {
                let given = given.unwrap_or_default();
                match value {
                    HeaderValue::Plain(text) => {
                        prop_assert_eq!(text.as_bytes(), given);
                        prop_assert!(given.iter().all(|byte| (b' '..=b'~').contains(byte)));
                    }
                    HeaderValue::Bytes(bytes) => prop_assert_eq!(bytes, given),
                }
            }
        }
    }
}
