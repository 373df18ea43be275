//! Structured mode: the whole event as one JSON object in the record's value; and batches, an array of those.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serializer,
    de::{MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::{Map, Value, value::RawValue};

use super::{
    Content, Envelope, InvalidEnvelope, MediaType, Parsed,
    attributes::{Attributes, Given},
    rules::rule,
};

/// The content type of a record in structured mode.
pub const STRUCTURED_CONTENT_TYPE: &str = "application/cloudevents+json; charset=UTF-8";
const FAMILY: &str = "application/cloudevents";

/// What the value of a record holds that is not a payload.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    Event,
    Batch,
}

impl Mode {
    /// The mode a record's `content-type` announces; `None` is binary mode.
    pub(super) fn of(content_type: &str) -> Option<Result<Self, InvalidEnvelope>> {
        if !holds_events(content_type.as_bytes()) {
            return None;
        }
        let media = MediaType::parse(content_type).filter(MediaType::is_utf8);
        Some(match media {
            Some(media) if media.is("application", "cloudevents+json") => Ok(Self::Event),
            Some(media) if media.is("application", "cloudevents-batch+json") => Ok(Self::Batch),
            _ => Err(InvalidEnvelope::Format(content_type.to_owned())),
        })
    }
}

/// Whether a record of this `content-type` has its events in its value, in whatever format.
pub fn holds_events(content_type: &[u8]) -> bool {
    let family = content_type.get(..FAMILY.len());
    family.is_some_and(|family| family.eq_ignore_ascii_case(FAMILY.as_bytes()))
}

pub(super) fn parse(
    mode: Mode,
    value: &Bytes,
    key: Option<&[u8]>,
) -> Result<Content, InvalidEnvelope> {
    match mode {
        Mode::Event => Ok(Content::Event(event(value, value, key)?)),
        Mode::Batch => {
            let events: Vec<&RawValue> = serde_json::from_slice(value).map_err(malformed)?;
            let read = |(index, raw): (usize, &RawValue)| {
                let event = event(raw.get().as_bytes(), value, key);
                event.map_err(|error| InvalidEnvelope::InBatch {
                    index,
                    error: Box::new(error),
                })
            };
            let events: Result<_, _> = events.into_iter().enumerate().map(read).collect();
            Ok(Content::Batch(events?))
        }
    }
}

/// One event, whose JSON lies in `value`.
fn event(json: &[u8], value: &Bytes, key: Option<&[u8]>) -> Result<Parsed, InvalidEnvelope> {
    if json.is_empty() {
        return Err(InvalidEnvelope::Structured(
            "the record has no value".to_owned(),
        ));
    }
    let members: Members<'_> = serde_json::from_slice(json).map_err(malformed)?;
    let mut attributes = Attributes::default();
    for (name, value) in &members.attributes {
        insert(&mut attributes, name, value)?;
    }
    let mut envelope = attributes.envelope(key)?;
    // JSON is what was meant, and whatever the event is written as next, it should say so.
    envelope.as_given.forget("datacontenttype");
    let payload = match (members.data, members.data_base64) {
        (Some(_), Some(_)) => {
            return Err(InvalidEnvelope::Contradiction(
                "both data and data_base64 are given".to_owned(),
            ));
        }
        (None, None) => Bytes::new(),
        (Some(data), None) => payload(data, &envelope, value)?,
        (None, Some(text)) => STANDARD
            .decode(text)
            .map_err(|error| InvalidEnvelope::Structured(format!("data_base64: {error}")))?
            .into(),
    };
    Ok(Parsed { envelope, payload })
}

/// The bytes that `data` stands for: JSON as it is written, or the text in it.
fn payload(data: &RawValue, envelope: &Envelope, value: &Bytes) -> Result<Bytes, InvalidEnvelope> {
    let media = MediaType::parse(&envelope.data_content_type);
    if media.is_some_and(|media| media.is_json()) {
        return Ok(value.slice_ref(data.get().as_bytes()));
    }
    if !media.is_some_and(|media| media.is_utf8()) {
        let charset =
            "data is text and its content type names a charset other than utf-8: use data_base64";
        return Err(InvalidEnvelope::Contradiction(charset.to_owned()));
    }
    let text: String = serde_json::from_str(data.get()).map_err(|_| {
        InvalidEnvelope::Contradiction(format!(
            "data is no string, and its content type {} is not JSON",
            envelope.data_content_type
        ))
    })?;
    Ok(text.into_bytes().into())
}

#[allow(clippy::needless_pass_by_value)] // the shape `map_err` wants
fn malformed(error: serde_json::Error) -> InvalidEnvelope {
    InvalidEnvelope::Structured(error.to_string())
}

/// The members of an event's object. Names may repeat here; whoever reads the attributes refuses that.
#[derive(Default)]
struct Members<'a> {
    attributes: Vec<(String, Value)>,
    data: Option<&'a RawValue>,
    data_base64: Option<String>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event as a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let twice = |name| serde::de::Error::custom(format!("{name} is given twice"));
                let mut members = Members::default();
                let mut base64 = None;
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "data" if members.data.is_some() => return Err(twice("data")),
                        "data" => members.data = Some(map.next_value()?),
                        "data_base64" if base64.is_some() => return Err(twice("data_base64")),
                        "data_base64" => base64 = Some(map.next_value::<Option<String>>()?),
                        _ => members.attributes.push((name, map.next_value()?)),
                    }
                }
                members.data_base64 = base64.flatten();
                Ok(members)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// The envelope in a JSON object of attributes.
pub(super) fn from_object(object: &Map<String, Value>) -> Result<Envelope, InvalidEnvelope> {
    let mut attributes = Attributes::default();
    for (name, value) in object {
        insert(&mut attributes, name, value)?;
    }
    attributes.envelope(None)
}

fn insert<'a>(
    attributes: &mut Attributes<'a>,
    name: &str,
    value: &'a Value,
) -> Result<(), InvalidEnvelope> {
    let value = match value {
        Value::Null => return Ok(()),
        Value::String(text) => Given::Text(text.as_str().into()),
        Value::Bool(is) => Given::Boolean(*is),
        Value::Number(number) if !number.is_f64() => Given::Number(number.to_string()),
        Value::Number(_) => {
            return Err(rule(name, "a number without fraction"));
        }
        Value::Array(_) | Value::Object(_) => {
            return Err(rule(name, "a string, whole number or boolean"));
        }
    };
    attributes.insert(name, value)
}

/// The value of a structured-mode record, of attributes that were checked before and a payload that is no text.
///
/// # Errors
/// The attributes cannot be written as JSON.
pub fn structured<'a>(
    attributes: impl Iterator<Item = (&'a str, &'a str)>,
    payload: &[u8],
) -> Result<Vec<u8>, InvalidEnvelope> {
    let mut json = Vec::with_capacity(1024);
    let mut serializer = serde_json::Serializer::new(&mut json);
    let mut map = serializer.serialize_map(None).map_err(malformed)?;
    for (name, value) in attributes {
        map.serialize_entry(name, value).map_err(malformed)?;
    }
    map.serialize_entry("data_base64", &STANDARD.encode(payload))
        .map_err(malformed)?;
    SerializeMap::end(map).map_err(malformed)?;
    Ok(json)
}

impl Envelope {
    /// The value of a structured-mode record: the event as a JSON object. JSON payloads are in it as they are, plain text
    /// in UTF-8 as a string, everything else as base64; `None` leaves `data` out.
    ///
    /// # Errors
    /// When the content type says JSON and the payload is none.
    pub fn to_structured(&self, payload: Option<&[u8]>) -> Result<Vec<u8>, InvalidEnvelope> {
        let mut json = Vec::with_capacity(1024);
        let mut serializer = serde_json::Serializer::new(&mut json);
        let mut map = serializer.serialize_map(None).map_err(malformed)?;
        let mut written = Ok(());
        self.each_given(|name, value| {
            if written.is_ok() {
                written = map.serialize_entry(name, &value);
            }
        });
        written.map_err(malformed)?;
        for (name, value) in &self.extensions {
            map.serialize_entry(name, value).map_err(malformed)?;
        }
        let media = MediaType::parse(&self.data_content_type);
        let is_text = media.is_some_and(|media| media.is("text", "plain") && media.is_utf8());
        let member = match payload {
            None => Ok(()),
            Some(payload) if media.is_some_and(|media| media.is_json()) => {
                let data: &RawValue = serde_json::from_slice(payload).map_err(|error| {
                    InvalidEnvelope::Contradiction(format!(
                        "the payload is not the JSON its content type says: {error}"
                    ))
                })?;
                map.serialize_entry("data", data)
            }
            Some(payload) => match std::str::from_utf8(payload) {
                Ok(text) if is_text => map.serialize_entry("data", text),
                _ => map.serialize_entry("data_base64", &STANDARD.encode(payload)),
            },
        };
        member
            .and_then(|()| SerializeMap::end(map))
            .map_err(malformed)?;
        Ok(json)
    }
}
