//! Binary mode of the `CloudEvents` Kafka protocol binding: attributes in headers `ce_*`.

use std::{borrow::Cow, str};

use bytes::Bytes;

use super::{
    Content, Envelope, InvalidEnvelope, Parsed,
    attributes::{Attributes, Given},
    names::{KNOWN, slot},
    rules::rule,
    structured::{self, Mode},
};

/// The header that says what the payload is, in both modes.
pub const CONTENT_TYPE: &str = "content-type";
const PREFIX: &str = "ce_";

/// A header's value, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub enum HeaderValue<'a> {
    /// Nothing yet.
    Bytes(&'a [u8]),
    /// Printable ASCII, as nearly all are: there is nothing to check.
    Plain(&'a str),
}

impl<'a> HeaderValue<'a> {
    fn text(self, name: &str) -> Result<&'a str, InvalidEnvelope> {
        match self {
            Self::Plain(text) => Ok(text),
            Self::Bytes(value) => str::from_utf8(value).map_err(|_| rule(name, "UTF-8")),
        }
    }

    fn given(self, name: &str) -> Result<Given<'a>, InvalidEnvelope> {
        Ok(match self {
            Self::Plain(text) => Given::Plain(text),
            Self::Bytes(_) => Given::Text(self.text(name)?.into()),
        })
    }
}

impl Envelope {
    /// The headers of a binary-mode record: `ce_id`, `ce_type`, … and `content-type`.
    pub fn to_headers(&self) -> Vec<(Cow<'static, str>, String)> {
        let mut headers = Vec::with_capacity(KNOWN.len() + self.extensions.len());
        self.each_given(|name, value| {
            let header = match slot(name) {
                Some(slot) if name != "datacontenttype" => KNOWN[slot].header,
                _ => CONTENT_TYPE,
            };
            headers.push((Cow::Borrowed(header), value.into_owned()));
        });
        headers.extend(self.extensions.iter().map(|(name, value)| {
            let header = Cow::Owned(format!("{PREFIX}{name}"));
            (header, value.text().into_owned())
        }));
        headers
    }

    /// Reads a record of one event, in binary or structured mode, told apart by its `content-type`.
    ///
    /// `headers` are all of the record's, in order; ones that are not of the envelope are left alone. An absent
    /// `value` (a tombstone) is an empty payload. What the event does not say of its time, [`Envelope::arrived`] adds.
    ///
    /// # Errors
    /// Names the attribute and the rule it breaks, or the two parts that contradict each other. A batch of other than
    /// one event is an error too: [`Envelope::all_from_record`] reads those.
    pub fn from_record<'a>(
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        key: Option<&[u8]>,
        value: Option<Bytes>,
    ) -> Result<Parsed, InvalidEnvelope> {
        match Self::all_from_record(headers, key, value)? {
            Content::Event(parsed) => Ok(parsed),
            Content::Batch(mut events) => match (events.pop(), events.len()) {
                (Some(only), 0) => Ok(only),
                (last, before) => Err(InvalidEnvelope::Batch(before + usize::from(last.is_some()))),
            },
        }
    }

    /// Reads a record in any mode: one event in binary or structured mode, or a batch of any number.
    ///
    /// # Errors
    /// As [`Envelope::from_record`]; a batch is refused as a whole, with the place of the first event that is wrong.
    pub fn all_from_record<'a>(
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        key: Option<&[u8]>,
        value: Option<Bytes>,
    ) -> Result<Content, InvalidEnvelope> {
        let headers = headers.into_iter();
        let headers = headers.map(|(name, value)| (name, HeaderValue::Bytes(value)));
        Self::all_from_headers(headers, key, value)
    }

    /// As [`Envelope::all_from_record`], of headers of which more may be known.
    ///
    /// # Errors
    /// As [`Envelope::all_from_record`].
    pub fn all_from_headers<'a>(
        headers: impl Iterator<Item = (&'a str, HeaderValue<'a>)>,
        key: Option<&[u8]>,
        value: Option<Bytes>,
    ) -> Result<Content, InvalidEnvelope> {
        let mut attributes = Attributes::default();
        let mut content_type = None;
        let mut broken = None;
        for (header, value) in headers {
            if let Some(name) = header.strip_prefix(PREFIX) {
                if broken.is_none() {
                    broken = insert(&mut attributes, name, value).err();
                }
            } else if header.eq_ignore_ascii_case(CONTENT_TYPE) {
                let text = value.text("datacontenttype")?;
                if content_type.replace(text).is_some() {
                    return Err(InvalidEnvelope::Twice("datacontenttype".to_owned()));
                }
            }
        }
        // Headers may repeat the attributes; the value alone is the event.
        if let Some(mode) = content_type.and_then(Mode::of) {
            return structured::parse(mode?, &value.unwrap_or_default(), key);
        }
        if let Some(broken) = broken {
            return Err(broken);
        }
        if let Some(content_type) = content_type {
            attributes.insert("datacontenttype", Given::Text(content_type.into()))?;
        }
        Ok(Content::Event(Parsed {
            envelope: attributes.envelope(key)?,
            payload: value.unwrap_or_default(),
        }))
    }
}

fn insert<'a>(
    attributes: &mut Attributes<'a>,
    name: &str,
    value: HeaderValue<'a>,
) -> Result<(), InvalidEnvelope> {
    if name == "datacontenttype" {
        let header = "in binary mode it is the header content-type";
        return Err(rule(name, header));
    }
    attributes.insert(name, value.given(name)?)
}
