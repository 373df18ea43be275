//! An event as an outbox keeps it: the envelope as JSON text, which goes to headers without becoming an envelope.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, MapAccess, Visitor},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// An event whose envelope was checked when it was stored and is not checked again.
///
/// Reading one takes two allocations for all of its attributes, where an [`crate::Envelope`] takes one for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    topic: String,
    datum: Vec<u8>,
    /// Names and values of the headers, one after the other.
    text: String,
    /// Where in `text` each header's name and value end.
    ends: Vec<(usize, usize)>,
    event_type: usize,
    key: usize,
    data_version: u32,
    time: OffsetDateTime,
}

/// A stored envelope that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored envelope does not read: {0}")]
pub struct InvalidStoredEvent(String);

impl StoredEvent {
    /// Reads the JSON object that serde makes of an [`crate::Envelope`].
    ///
    /// # Errors
    /// It is not an object of texts, numbers and booleans, or has no type, key or time.
    pub fn read(topic: String, envelope: &str, datum: Vec<u8>) -> Result<Self, InvalidStoredEvent> {
        let bad = |reason: &dyn fmt::Display| InvalidStoredEvent(reason.to_string());
        let headers: Headers = serde_json::from_str(envelope).map_err(|error| bad(&error))?;
        let required =
            |place: Option<usize>, name: &str| place.ok_or_else(|| bad(&format_args!("no {name}")));
        let (event_type, key, time) = (
            required(headers.event_type, "ce_type")?,
            required(headers.key, "ce_partitionkey")?,
            required(headers.time, "ce_time")?,
        );
        let mut stored = Self {
            topic,
            datum,
            text: headers.text,
            ends: headers.ends,
            event_type,
            key,
            data_version: 1,
            time: OffsetDateTime::UNIX_EPOCH,
        };
        let version = match headers.data_version {
            Some(place) => stored.header(place).1.parse(),
            None => Ok(1),
        };
        let time = OffsetDateTime::parse(stored.header(time).1, &Rfc3339);
        stored.data_version =
            version.map_err(|error| bad(&format_args!("dataversion: {error}")))?;
        stored.time = time.map_err(|error| bad(&format_args!("time: {error}")))?;
        Ok(stored)
    }

    /// The topic without prefix.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The record's key.
    pub fn key(&self) -> &str {
        self.header(self.key).1
    }

    /// The type of event.
    pub fn event_type(&self) -> &str {
        self.header(self.event_type).1
    }

    /// The version of the payload's schema.
    pub fn data_version(&self) -> u32 {
        self.data_version
    }

    /// When it happened.
    pub fn time(&self) -> OffsetDateTime {
        self.time
    }

    /// The Avro datum without the registry's id.
    pub fn datum(&self) -> &[u8] {
        &self.datum
    }

    pub(super) fn headers(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let mut begin = 0;
        self.ends.iter().map(move |&(name, value)| {
            let header = (&self.text[begin..name], &self.text[name..value]);
            begin = value;
            header
        })
    }

    fn header(&self, place: usize) -> (&str, &str) {
        let begin = place.checked_sub(1).map_or(0, |before| self.ends[before].1);
        let (name, value) = self.ends[place];
        (&self.text[begin..name], &self.text[name..value])
    }
}

/// Attributes written as headers while they are read.
#[derive(Default)]
struct Headers {
    text: String,
    ends: Vec<(usize, usize)>,
    event_type: Option<usize>,
    key: Option<usize>,
    time: Option<usize>,
    data_version: Option<usize>,
}

impl Headers {
    /// The next header to be ended is the attribute of this name.
    fn note(&mut self, name: &str) {
        let noted = match name {
            "type" => &mut self.event_type,
            "partitionkey" => &mut self.key,
            "time" => &mut self.time,
            "dataversion" => &mut self.data_version,
            _ => return,
        };
        // Given twice, the first counts.
        noted.get_or_insert(self.ends.len());
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeadersVisitor)
    }
}

struct HeadersVisitor;

impl<'de> Visitor<'de> for HeadersVisitor {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
        let mut headers = Headers {
            text: String::with_capacity(768),
            ends: Vec::with_capacity(20),
            ..Headers::default()
        };
        while let Some(name) = map.next_key_seed(Text)? {
            let before = headers.text.len();
            let Some(name) = name.as_deref() else {
                return Err(de::Error::custom("a name is no text"));
            };
            if name == "datacontenttype" {
                headers.text.push_str("content-type");
            } else {
                headers.text.push_str("ce_");
                headers.text.push_str(name);
            }
            let end_of_name = headers.text.len();
            match map.next_value_seed(Text)? {
                Some(value) => {
                    headers.note(name);
                    headers.text.push_str(&value);
                    headers.ends.push((end_of_name, headers.text.len()));
                }
                None => headers.text.truncate(before),
            }
        }
        Ok(headers)
    }
}

/// A text, lent where JSON allows; a number or boolean as text; `None` for null.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, number or boolean")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(value.to_string())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(value.to_string())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(value.to_string())))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::{Envelope, TenantRef};

    fn envelope(subject: String, region: Option<String>, sequence: u64) -> Envelope {
        let id = Uuid::now_v7();
        Envelope {
            id,
            event_type: "order.placed".to_owned(),
            source: "/it".to_owned(),
            time: OffsetDateTime::now_utc(),
            subject,
            aggregate: "order".to_owned(),
            tenant: region.map(|region| TenantRef { id, region }),
            correlation_id: id,
            causation_id: Some(id),
            user_id: None,
            data_version: 7,
            sequence,
            partition_key: id.to_string(),
            traceparent: None,
            tracestate: Some("a=\"b\"".to_owned()),
            data_content_type: "application/avro".to_owned(),
            data_schema: None,
            extensions: std::collections::BTreeMap::new(),
            as_given: crate::OriginalAttributes::default(),
        }
    }

    proptest! {
        #[test]
        fn a_stored_envelope_has_the_headers_of_the_envelope(
            subject in "[^\\p{Cc}]{1,40}",
            region in proptest::option::of("[a-z0-9-]{1,10}"),
            sequence: u64,
        ) {
            let envelope = envelope(subject, region, sequence);
            let json = serde_json::to_string(&envelope).unwrap();

            let stored = StoredEvent::read("t".to_owned(), &json, vec![1]).unwrap();

            let headers = envelope.to_headers();
            let wanted: Vec<_> = headers.iter().map(|(n, v)| (n.as_ref(), v.as_str())).collect();
            prop_assert_eq!(stored.headers().collect::<Vec<_>>(), wanted);
            prop_assert_eq!(stored.key(), &envelope.partition_key);
            prop_assert_eq!(stored.event_type(), "order.placed");
            prop_assert_eq!(stored.data_version(), 7);
            prop_assert_eq!(stored.time(), envelope.time);
        }
    }

    #[test]
    fn what_is_no_envelope_says_why() {
        let read = |json| StoredEvent::read(String::new(), json, Vec::new());
        for (json, why) in [
            ("[]", "an object of attributes"),
            ("{}", "no ce_type"),
            (r#"{"type":"a","partitionkey":"k"}"#, "no ce_time"),
            (
                r#"{"type":{},"partitionkey":"k","time":"2026-01-01T00:00:00Z"}"#,
                "a text, number or boolean",
            ),
            (r#"{"type":"a","partitionkey":"k","time":"noon"}"#, "time: "),
            (
                r#"{"type":"a","partitionkey":"k","time":"2026-01-01T00:00:00Z","dataversion":"x"}"#,
                "dataversion: ",
            ),
        ] {
            let error = read(json).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let whole =
            r#"{"type":"a","partitionkey":"k","time":"2026-01-01T00:00:00Z","x":null,"n":3}"#;
        let stored = read(whole).unwrap();
        assert_eq!(stored.headers().last(), Some(("ce_n", "3")));
        assert_eq!(stored.headers().len(), 4);
    }
}
