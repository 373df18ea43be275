//! Structured mode: the whole event as one JSON object in the record's value. Read, never written.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Map, Value};

use super::{
    Envelope, JSON_CONTENT_TYPE, Parsed,
    attributes::{Attributes, BadEnvelope},
};

/// Whether a record's `content-type` announces structured mode.
pub(super) fn is_structured(content_type: &str) -> bool {
    media_type(content_type).starts_with("application/cloudevents")
}

fn media_type(content_type: &str) -> String {
    let end = content_type.find(';').unwrap_or(content_type.len());
    content_type[..end].trim().to_ascii_lowercase()
}

pub(super) fn parse(value: &[u8], key: Option<&str>) -> Result<Parsed, BadEnvelope> {
    let mut object: Map<String, Value> = serde_json::from_slice(value)
        .map_err(|error| BadEnvelope::Structured(error.to_string()))?;
    let (data, data_base64) = (object.remove("data"), object.remove("data_base64"));
    let envelope = from_object(&object, key)?;
    let is_json = media_type(&envelope.data_content_type) == JSON_CONTENT_TYPE
        || media_type(&envelope.data_content_type).ends_with("+json");
    let payload = match (data, data_base64) {
        (Some(_), Some(_)) => {
            return Err(BadEnvelope::Contradiction(
                "both data and data_base64 are given".to_owned(),
            ));
        }
        (None, None) => Vec::new(),
        (Some(Value::String(text)), None) if !is_json => text.into_bytes(),
        (Some(json), None) => json.to_string().into_bytes(),
        (None, Some(Value::String(text))) => STANDARD
            .decode(text)
            .map_err(|error| BadEnvelope::Structured(format!("data_base64: {error}")))?,
        (None, Some(_)) => {
            return Err(BadEnvelope::Structured(
                "data_base64 is not a string".to_owned(),
            ));
        }
    };
    Ok(Parsed {
        envelope,
        payload: Bytes::from(payload),
    })
}

/// The envelope in a JSON object of attributes.
pub(super) fn from_object(
    object: &Map<String, Value>,
    key: Option<&str>,
) -> Result<Envelope, BadEnvelope> {
    let mut attributes = Attributes::default();
    for (name, value) in object {
        match value {
            Value::Null => {}
            Value::String(text) => attributes.insert(name.as_str(), text.as_str())?,
            Value::Bool(_) | Value::Number(_) => {
                attributes.insert(name.as_str(), value.to_string())?;
            }
            Value::Array(_) | Value::Object(_) => {
                return Err(BadEnvelope::Rule {
                    name: name.clone(),
                    rule: "a string, number or boolean",
                });
            }
        }
    }
    attributes.envelope(key)
}
