//! Attributes as found on the wire, whichever form they came in, and the envelope they make.

use std::{
    borrow::Cow,
    collections::{BTreeMap, btree_map::Entry},
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::{
    Envelope, Extension, InvalidEnvelope, JSON_CONTENT_TYPE, OriginalAttributes, TenantRef,
    names::{KNOWN, slot},
    rules::rule,
    syntax::{forbidden, is_name, is_traceparent, number},
};

/// The version of `CloudEvents` spoken.
pub(super) const SPEC_VERSION: &str = "1.0";
/// More bytes than this in the attributes of one event are refused: what `CloudEvents` asks everyone to take at least.
const MAX_BYTES: usize = 64 * 1024;
/// Ids of events from elsewhere are made in this namespace from `source` and `id`, correlations from their text.
const NAMESPACE: Uuid = Uuid::from_u128(0x5b0d_8f0e_6c5f_4c53_9e0b_0a5d_6f2c_7d11);

/// Attributes by name. Those with a field of the envelope have a place of their own, so that no map is built for them.
#[derive(Default)]
pub(super) struct Attributes<'a> {
    known: [Option<Cow<'a, str>>; KNOWN.len()],
    extensions: BTreeMap<String, Extension>,
    bytes: usize,
}

/// A value as its form has it.
pub(super) enum Given<'a> {
    Text(Cow<'a, str>),
    /// A text of printable ASCII.
    Plain(&'a str),
    /// A whole number in its digits.
    Number(String),
    Boolean(bool),
}

impl<'a> Attributes<'a> {
    /// Takes one attribute, whose name must be new.
    pub(super) fn insert(&mut self, name: &str, value: Given<'a>) -> Result<(), InvalidEnvelope> {
        let slot = slot(name);
        // The name of a field is one.
        if slot.is_none() && !is_name(name) {
            return Err(rule(name, "a name is lower-case letters and digits"));
        }
        if name == "data" {
            return Err(rule(name, "the payload, which no attribute may be called"));
        }
        self.bytes += name.len();
        match &value {
            Given::Plain(text) => self.bytes += text.len(),
            Given::Text(text) => {
                self.bytes += text.len();
                if let Some(broken) = forbidden(text) {
                    return Err(rule(name, broken));
                }
            }
            Given::Number(_) | Given::Boolean(_) => {}
        }
        if self.bytes > MAX_BYTES {
            return Err(rule(name, "all attributes together at most 64 KiB"));
        }
        let Some(slot) = slot else {
            return self.extend(name, value);
        };
        let text = match value {
            Given::Text(text) => text,
            Given::Plain(text) => text.into(),
            _ if KNOWN[slot].is_core() => return Err(rule(name, "a string")),
            Given::Number(digits) => digits.into(),
            Given::Boolean(_) => return Err(rule(name, "a string or a whole number")),
        };
        match &mut self.known[slot] {
            Some(_) => Err(InvalidEnvelope::Twice(name.to_owned())),
            empty => {
                *empty = Some(text);
                Ok(())
            }
        }
    }

    fn extend(&mut self, name: &str, value: Given<'_>) -> Result<(), InvalidEnvelope> {
        let value = match value {
            Given::Text(text) => Extension::Text(text.into_owned()),
            Given::Plain(text) => Extension::Text(text.to_owned()),
            Given::Boolean(is) => Extension::Boolean(is),
            Given::Number(digits) => Extension::Integer(
                digits
                    .parse()
                    .map_err(|_| rule(name, "a whole number of 32 bits"))?,
            ),
        };
        match self.extensions.entry(name.to_owned()) {
            Entry::Occupied(_) => Err(InvalidEnvelope::Twice(name.to_owned())),
            Entry::Vacant(entry) => {
                entry.insert(value);
                Ok(())
            }
        }
    }

    /// The envelope these attributes make, with `key` as the record's key.
    pub(super) fn envelope(&mut self, key: Option<&[u8]>) -> Result<Envelope, InvalidEnvelope> {
        if self.required("specversion")? != SPEC_VERSION {
            return Err(rule("specversion", "1.0"));
        }
        let mut as_given = OriginalAttributes::default();
        let source = self.required("source")?;
        let id_text = self.required("id")?;
        let id = canonical_uuid(&id_text).unwrap_or_else(|| {
            as_given.said("id", &id_text);
            // No control character is in either, so the pair can be told from any other pair.
            Uuid::new_v5(&NAMESPACE, format!("{source}\n{id_text}").as_bytes())
        });
        let event_type = self.required("type")?;
        let envelope = Envelope {
            id,
            source,
            time: self.time(&mut as_given)?,
            subject: self.optional("subject")?.unwrap_or_default(),
            aggregate: self.optional("aggregatetype")?.unwrap_or_else(|| {
                as_given.left_out("aggregatetype");
                first_word(&event_type).to_owned()
            }),
            tenant: self.tenant()?,
            correlation_id: self.correlation_id(id, &mut as_given),
            causation_id: self.causation_id(&mut as_given),
            user_id: self.uuid("userid")?,
            data_version: match self.take("dataversion") {
                None => {
                    as_given.left_out("dataversion");
                    1
                }
                Some(text) => number(&text)
                    .filter(|version| *version > 0)
                    .ok_or_else(|| rule("dataversion", "a whole number from 1"))?,
            },
            sequence: self.sequence(&mut as_given),
            partition_key: self.partition_key(key, &mut as_given)?,
            traceparent: self
                .take("traceparent")
                .filter(|text| is_traceparent(text))
                .map(Cow::into_owned),
            tracestate: self
                .take("tracestate")
                .filter(|text| !text.is_empty())
                .map(Cow::into_owned),
            data_content_type: self.optional("datacontenttype")?.unwrap_or_else(|| {
                as_given.left_out("datacontenttype");
                JSON_CONTENT_TYPE.to_owned()
            }),
            data_schema: self.optional("dataschema")?,
            extensions: std::mem::take(&mut self.extensions),
            as_given,
            event_type,
        };
        // Every text was looked through when it was put in.
        envelope.check_forms()?;
        Ok(envelope)
    }

    #[inline]
    fn take(&mut self, name: &'static str) -> Option<Cow<'a, str>> {
        self.known[slot(name)?].take()
    }

    #[inline]
    fn required(&mut self, name: &'static str) -> Result<String, InvalidEnvelope> {
        self.optional(name)?.ok_or(InvalidEnvelope::Missing(name))
    }

    #[inline]
    fn optional(&mut self, name: &'static str) -> Result<Option<String>, InvalidEnvelope> {
        match self.take(name) {
            Some(text) if text.is_empty() => Err(rule(name, "not empty")),
            text => Ok(text.map(Cow::into_owned)),
        }
    }

    #[inline]
    fn uuid(&mut self, name: &'static str) -> Result<Option<Uuid>, InvalidEnvelope> {
        let text = self.take(name);
        let parse = |text: Cow<'_, str>| Uuid::parse_str(&text).map_err(|_| rule(name, "a UUID"));
        text.map(parse).transpose()
    }

    /// An event without a time gets the log's, by [`Envelope::arrived`].
    fn time(
        &mut self,
        as_given: &mut OriginalAttributes,
    ) -> Result<OffsetDateTime, InvalidEnvelope> {
        let Some(text) = self.take("time") else {
            as_given.left_out("time");
            return Ok(OffsetDateTime::UNIX_EPOCH);
        };
        // RFC 3339 lets others read a space for the `T`, in what they write it has none.
        let separated = text
            .as_bytes()
            .get(10)
            .is_some_and(|b| matches!(b, b'T' | b't'));
        let time = separated.then(|| OffsetDateTime::parse(&text, &Rfc3339).ok());
        let time = time.flatten();
        time.ok_or_else(|| rule("time", "a time as RFC 3339 has it: 2026-01-31T12:00:00Z"))
    }

    fn tenant(&mut self) -> Result<Option<TenantRef>, InvalidEnvelope> {
        match (self.uuid("tenantid")?, self.optional("region")?) {
            (Some(id), Some(region)) => Ok(Some(TenantRef { id, region })),
            (Some(_), None) => Err(InvalidEnvelope::Missing("region")),
            (None, Some(region)) => {
                // Somebody else's `region`: it says nothing of a tenant and is an extension like any other.
                self.extensions
                    .insert("region".to_owned(), Extension::Text(region));
                Ok(None)
            }
            (None, None) => Ok(None),
        }
    }

    /// The extension `correlationid` is any text; what is no UUID of ours still groups what has it.
    fn correlation_id(&mut self, id: Uuid, as_given: &mut OriginalAttributes) -> Uuid {
        let Some(text) = self.take("correlationid") else {
            as_given.left_out("correlationid");
            return id;
        };
        canonical_uuid(&text).unwrap_or_else(|| {
            as_given.said("correlationid", &text);
            Uuid::new_v5(&NAMESPACE, text.as_bytes())
        })
    }

    /// The extension `causationid` is any text; without the cause's source it names no event of ours.
    fn causation_id(&mut self, as_given: &mut OriginalAttributes) -> Option<Uuid> {
        let text = self.take("causationid")?;
        let id = canonical_uuid(&text);
        if id.is_none() {
            as_given.said("causationid", &text);
        }
        id
    }

    /// The extension `sequence` is any text that sorts; what is no number counts as none.
    fn sequence(&mut self, as_given: &mut OriginalAttributes) -> u64 {
        let Some(text) = self.take("sequence") else {
            as_given.left_out("sequence");
            return 0;
        };
        let plain = text == "0" || !text.starts_with('0');
        let sequence = number(&text);
        if !plain || sequence.is_none() {
            as_given.said("sequence", &text);
        }
        sequence.unwrap_or(0)
    }

    fn partition_key(
        &mut self,
        key: Option<&[u8]>,
        as_given: &mut OriginalAttributes,
    ) -> Result<String, InvalidEnvelope> {
        match (self.optional("partitionkey")?, key) {
            (Some(attribute), Some(key)) if attribute.as_bytes() != key => {
                Err(InvalidEnvelope::Contradiction(format!(
                    "the record's key is {:?}, its partitionkey {attribute:?}",
                    String::from_utf8_lossy(key)
                )))
            }
            (Some(attribute), _) => Ok(attribute),
            (None, key) => {
                as_given.left_out("partitionkey");
                // A key of bytes is the business of whoever chose it: it is no attribute.
                let key = key.and_then(|key| std::str::from_utf8(key).ok());
                let key = key.unwrap_or_default();
                match forbidden(key) {
                    Some(broken) => Err(rule("partitionkey", broken)),
                    None => Ok(key.to_owned()),
                }
            }
        }
    }
}

/// A UUID in the form it is written in: ids are compared as text, so no other form may pass for it.
fn canonical_uuid(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    let mut buffer = Uuid::encode_buffer();
    (id.hyphenated().encode_lower(&mut buffer) == text).then_some(id)
}

fn first_word(event_type: &str) -> &str {
    match event_type.split('.').next() {
        Some(word) if !word.is_empty() => word,
        _ => event_type,
    }
}
