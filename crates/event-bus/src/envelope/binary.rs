//! Binary mode of the `CloudEvents` Kafka protocol binding: attributes in headers `ce_*`.

use std::{borrow::Cow, str};

use bytes::Bytes;

use super::{
    Envelope, Parsed,
    attributes::{Attributes, BadEnvelope},
    structured,
};

/// The header that says what the payload is, in both modes.
pub(crate) const CONTENT_TYPE: &str = "content-type";
const PREFIX: &str = "ce_";

impl Envelope {
    /// The headers of a binary-mode record: `ce_id`, `ce_type`, … and `content-type`.
    pub fn to_headers(&self) -> Vec<(Cow<'static, str>, String)> {
        let header = |(name, value): (&'static str, Cow<'_, str>)| match name {
            "datacontenttype" => (Cow::Borrowed(CONTENT_TYPE), value.into_owned()),
            _ => (Cow::Owned(format!("{PREFIX}{name}")), value.into_owned()),
        };
        self.attributes().into_iter().map(header).collect()
    }

    /// Reads a record in either mode, told apart by its `content-type`.
    ///
    /// `headers` are all of the record's, in order; ones that are not of the envelope are left alone.
    /// An absent `value` (a tombstone) is an empty payload.
    ///
    /// # Errors
    /// Names the attribute and the rule it breaks, or the two parts that contradict each other.
    pub fn from_record<'a>(
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        key: Option<&[u8]>,
        value: Option<Bytes>,
    ) -> Result<Parsed, BadEnvelope> {
        let key = key.map(|key| {
            str::from_utf8(key).map_err(|_| BadEnvelope::Rule {
                name: "the record's key".to_owned(),
                rule: "UTF-8",
            })
        });
        let key = key.transpose()?;
        let mut attributes = Attributes::default();
        let mut structured = false;
        for (name, value) in headers {
            let attribute = match name.strip_prefix(PREFIX) {
                Some(attribute) => attribute,
                None if name.eq_ignore_ascii_case(CONTENT_TYPE) => "datacontenttype",
                None => continue,
            };
            let text = str::from_utf8(value).map_err(|_| BadEnvelope::Rule {
                name: attribute.to_owned(),
                rule: "UTF-8",
            })?;
            if attribute == "datacontenttype" && structured::is_structured(text) {
                structured = true;
            }
            // In structured mode headers may repeat attributes; the value alone is the event.
            if !structured {
                attributes.insert(attribute, text)?;
            }
        }
        if structured {
            return structured::parse(&value.unwrap_or_default(), key);
        }
        Ok(Parsed {
            envelope: attributes.envelope(key)?,
            payload: value.unwrap_or_default(),
        })
    }
}
