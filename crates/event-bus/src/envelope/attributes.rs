//! The rules of attributes, in one place for every form an envelope takes.

use std::{borrow::Cow, collections::HashMap};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::{Envelope, JSON_CONTENT_TYPE, TenantRef};

/// The version of `CloudEvents` spoken.
pub(super) const SPEC_VERSION: &str = "1.0";
/// An attribute longer than this is not one of an event.
const MAX_LENGTH: usize = 2048;

/// An attribute or record that breaks a rule of the envelope.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadEnvelope {
    /// A required attribute is not there.
    #[error("attribute {0} is missing")]
    Missing(&'static str),
    /// The attribute breaks the rule.
    #[error("attribute {name} breaks a rule: {rule}")]
    Rule {
        /// The attribute.
        name: String,
        /// What it should have been.
        rule: &'static str,
    },
    /// The same attribute was given twice.
    #[error("attribute {0} is given twice")]
    Twice(String),
    /// Two parts of the record say different things.
    #[error("{0}")]
    Contradiction(String),
    /// Structured mode whose value is not the JSON of one event.
    #[error("not a structured event: {0}")]
    Structured(String),
}

fn rule(name: &str, rule: &'static str) -> BadEnvelope {
    BadEnvelope::Rule {
        name: name.to_owned(),
        rule,
    }
}

/// Attributes by name, as found on the wire.
#[derive(Default)]
pub(super) struct Attributes<'a>(HashMap<Cow<'a, str>, Cow<'a, str>>);

impl<'a> Attributes<'a> {
    pub(super) fn insert(
        &mut self,
        name: impl Into<Cow<'a, str>>,
        value: impl Into<Cow<'a, str>>,
    ) -> Result<(), BadEnvelope> {
        let (name, value) = (name.into(), value.into());
        if name.is_empty()
            || !name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        {
            return Err(rule(&name, "a name is lower-case letters and digits"));
        }
        if value.len() > MAX_LENGTH {
            return Err(rule(&name, "at most 2048 bytes"));
        }
        if value.chars().any(char::is_control) {
            return Err(rule(&name, "no control characters"));
        }
        if self.0.contains_key(&name) {
            return Err(BadEnvelope::Twice(name.into_owned()));
        }
        self.0.insert(name, value);
        Ok(())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(AsRef::as_ref)
    }

    fn text(&self, name: &'static str) -> Result<&str, BadEnvelope> {
        match self.get(name) {
            None => Err(BadEnvelope::Missing(name)),
            Some("") => Err(rule(name, "not empty")),
            Some(text) => Ok(text),
        }
    }

    fn optional(&self, name: &'static str) -> Result<Option<String>, BadEnvelope> {
        match self.get(name) {
            None => Ok(None),
            Some("") => Err(rule(name, "not empty")),
            Some(text) => Ok(Some(text.to_owned())),
        }
    }

    fn uuid(&self, name: &'static str) -> Result<Option<Uuid>, BadEnvelope> {
        let parse = |text| Uuid::parse_str(text).map_err(|_| rule(name, "a UUID"));
        self.get(name).map(parse).transpose()
    }

    /// The envelope these attributes make, with `key` as the record's key.
    pub(super) fn envelope(&self, key: Option<&str>) -> Result<Envelope, BadEnvelope> {
        match self.text("specversion")? {
            SPEC_VERSION => {}
            _ => return Err(rule("specversion", "1.0")),
        }
        let id = self.uuid("id")?.ok_or(BadEnvelope::Missing("id"))?;
        let event_type = self.text("type")?.to_owned();
        let envelope = Envelope {
            id,
            source: self.text("source")?.to_owned(),
            time: OffsetDateTime::parse(self.text("time")?, &Rfc3339)
                .map_err(|_| rule("time", "an RFC 3339 time"))?,
            subject: self.text("subject")?.to_owned(),
            aggregate: match self.optional("aggregatetype")? {
                Some(aggregate) => aggregate,
                None => first_word(&event_type).to_owned(),
            },
            tenant: self.tenant()?,
            correlation_id: self.uuid("correlationid")?.unwrap_or(id),
            causation_id: self.uuid("causationid")?,
            user_id: self.uuid("userid")?,
            data_version: match self.get("dataversion") {
                None => 1,
                Some(text) => number(text)
                    .filter(|version| *version > 0)
                    .ok_or_else(|| rule("dataversion", "a whole number from 1"))?,
            },
            sequence: match self.get("sequence") {
                None => 0,
                Some(text) => {
                    number(text).ok_or_else(|| rule("sequence", "a whole number from 0"))?
                }
            },
            partition_key: self.partition_key(key)?,
            traceparent: self
                .get("traceparent")
                .filter(|text| is_traceparent(text))
                .map(str::to_owned),
            tracestate: self
                .get("tracestate")
                .filter(|text| !text.is_empty())
                .map(str::to_owned),
            data_content_type: self
                .optional("datacontenttype")?
                .unwrap_or_else(|| JSON_CONTENT_TYPE.to_owned()),
            data_schema: self.optional("dataschema")?,
            event_type,
        };
        envelope.check()?;
        Ok(envelope)
    }

    fn tenant(&self) -> Result<Option<TenantRef>, BadEnvelope> {
        match (self.uuid("tenantid")?, self.optional("region")?) {
            (Some(id), Some(region)) => Ok(Some(TenantRef { id, region })),
            (Some(_), None) => Err(BadEnvelope::Missing("region")),
            (None, _) => Ok(None),
        }
    }

    fn partition_key(&self, key: Option<&str>) -> Result<String, BadEnvelope> {
        match (self.optional("partitionkey")?, key) {
            (Some(attribute), Some(key)) if attribute != key => Err(BadEnvelope::Contradiction(
                format!("the record's key is {key:?}, its partitionkey {attribute:?}"),
            )),
            (Some(attribute), _) => Ok(attribute),
            (None, key) => Ok(key.unwrap_or_default().to_owned()),
        }
    }
}

impl Envelope {
    /// Checks the rules the types do not carry.
    pub fn check(&self) -> Result<(), BadEnvelope> {
        if !is_dotted(&self.event_type) {
            return Err(rule(
                "type",
                "words of letters, digits, _ and - joined by dots",
            ));
        }
        if !is_dotted(&self.aggregate) {
            return Err(rule("aggregatetype", "a word of letters, digits, _ and -"));
        }
        if let Some(tenant) = &self.tenant
            && !is_region(&tenant.region)
        {
            return Err(rule(
                "region",
                "lower-case letters, digits and -, at most 64",
            ));
        }
        if self.data_version == 0 {
            return Err(rule("dataversion", "a whole number from 1"));
        }
        if self.source.contains(char::is_whitespace) {
            return Err(rule("source", "a URI reference, without spaces"));
        }
        if self.time.to_utc().format(&Rfc3339).is_err() {
            return Err(rule("time", "an RFC 3339 time"));
        }
        let text = [
            ("source", &self.source),
            ("subject", &self.subject),
            ("datacontenttype", &self.data_content_type),
        ];
        for (name, value) in text {
            if value.is_empty() {
                return Err(rule(name, "not empty"));
            }
            if value.len() > MAX_LENGTH {
                return Err(rule(name, "at most 2048 bytes"));
            }
            if value.chars().any(char::is_control) {
                return Err(rule(name, "no control characters"));
            }
        }
        Ok(())
    }

    /// The attributes by their names on the wire.
    pub(super) fn attributes(&self) -> Vec<(&'static str, Cow<'_, str>)> {
        let time = self.time.to_utc().format(&Rfc3339).unwrap_or_default();
        let mut attributes: Vec<(&'static str, Cow<'_, str>)> = vec![
            ("specversion", SPEC_VERSION.into()),
            ("id", self.id.to_string().into()),
            ("type", self.event_type.as_str().into()),
            ("source", self.source.as_str().into()),
            ("time", time.into()),
            ("subject", self.subject.as_str().into()),
            ("aggregatetype", self.aggregate.as_str().into()),
            ("correlationid", self.correlation_id.to_string().into()),
            ("dataversion", self.data_version.to_string().into()),
            ("sequence", self.sequence.to_string().into()),
            ("datacontenttype", self.data_content_type.as_str().into()),
        ];
        if !self.partition_key.is_empty() {
            attributes.push(("partitionkey", self.partition_key.as_str().into()));
        }
        if let Some(tenant) = &self.tenant {
            attributes.push(("tenantid", tenant.id.to_string().into()));
            attributes.push(("region", tenant.region.as_str().into()));
        }
        let ids = [("causationid", self.causation_id), ("userid", self.user_id)];
        for (name, id) in ids {
            attributes.extend(id.map(|id| (name, Cow::from(id.to_string()))));
        }
        let texts = [
            ("traceparent", &self.traceparent),
            ("tracestate", &self.tracestate),
            ("dataschema", &self.data_schema),
        ];
        for (name, text) in texts {
            attributes.extend(text.as_deref().map(|text| (name, Cow::from(text))));
        }
        attributes
    }
}

fn first_word(event_type: &str) -> &str {
    event_type.split('.').next().unwrap_or(event_type)
}

/// A whole number without sign or spaces.
fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn is_dotted(text: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    text.len() <= 255 && text.split('.').all(word)
}

fn is_region(text: &str) -> bool {
    let character = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(character)
}

/// <https://www.w3.org/TR/trace-context/#traceparent-header-field-values>
fn is_traceparent(text: &str) -> bool {
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let mut parts = text.split('-');
    let [Some(version), Some(trace), Some(span), Some(flags)] = [(); 4].map(|()| parts.next())
    else {
        return false;
    };
    hex(version, 2)
        && version != "ff"
        && hex(trace, 32)
        && trace.bytes().any(|b| b != b'0')
        && hex(span, 16)
        && span.bytes().any(|b| b != b'0')
        && hex(flags, 2)
        && (version != "00" || parts.next().is_none())
}
