//! The rules of attributes that the types do not carry.

use super::{
    AVRO_CONTENT_TYPE, Envelope, Extension, JSON_CONTENT_TYPE, MediaType,
    names::slot,
    syntax::{forbidden, is_dotted, is_name, is_region, is_uri, is_uri_reference},
};

/// An attribute of ours longer than this is a mistake.
const MAX_LENGTH: usize = 2048;

/// An attribute or record that breaks a rule of the envelope.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum InvalidEnvelope {
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
    /// A structured event in a format other than JSON.
    #[error("events in the format {0} are not spoken here: send application/cloudevents+json")]
    Format(String),
    /// One event was asked for, and the record holds a batch.
    #[error("the record holds a batch of {0} events where one is wanted")]
    Batch(usize),
    /// An event of a batch is invalid, and the batch with it.
    #[error("event {index} of the batch: {error}")]
    InBatch {
        /// Which, from 0.
        index: usize,
        /// What is wrong with it.
        error: Box<InvalidEnvelope>,
    },
}

pub(super) fn rule(name: &str, rule: &'static str) -> InvalidEnvelope {
    InvalidEnvelope::Rule {
        name: name.to_owned(),
        rule,
    }
}

impl Envelope {
    /// Checks the rules of `CloudEvents` that the types do not carry.
    pub fn check(&self) -> Result<(), InvalidEnvelope> {
        self.check_texts()?;
        self.check_forms()
    }

    /// That there is no character that no text may have.
    fn check_texts(&self) -> Result<(), InvalidEnvelope> {
        let texts = [
            ("type", &self.event_type),
            ("subject", &self.subject),
            ("aggregatetype", &self.aggregate),
            ("partitionkey", &self.partition_key),
        ];
        let traces = [
            ("traceparent", self.traceparent.as_ref()),
            ("tracestate", self.tracestate.as_ref()),
        ];
        let traces = traces
            .into_iter()
            .filter_map(|(name, text)| Some((name, text?)));
        for (name, value) in texts.into_iter().chain(traces) {
            if let Some(broken) = forbidden(value) {
                return Err(rule(name, broken));
            }
        }
        Ok(())
    }

    /// That what must be there is, and each has its form.
    pub(super) fn check_forms(&self) -> Result<(), InvalidEnvelope> {
        let required = [
            ("type", &self.event_type),
            ("source", &self.source),
            ("aggregatetype", &self.aggregate),
        ];
        for (name, value) in required {
            if value.is_empty() {
                return Err(rule(name, "not empty"));
            }
        }
        if !is_uri_reference(&self.source) {
            return Err(rule(
                "source",
                "a URI reference by RFC 3986, as /shop/orders",
            ));
        }
        if let Some(schema) = &self.data_schema
            && !is_uri(schema)
        {
            return Err(rule("dataschema", "a URI by RFC 3986, with its scheme"));
        }
        let is_ours = [AVRO_CONTENT_TYPE, JSON_CONTENT_TYPE].contains(&&*self.data_content_type);
        if !is_ours && MediaType::parse(&self.data_content_type).is_none() {
            let media = "a media type by RFC 2046, as application/json";
            return Err(rule("datacontenttype", media));
        }
        if let Some(tenant) = &self.tenant
            && !is_region(&tenant.region)
        {
            let region = "lower-case letters, digits and -, at most 64";
            return Err(rule("region", region));
        }
        if self.data_version == 0 {
            return Err(rule("dataversion", "a whole number from 1"));
        }
        if !(0..=9999).contains(&self.time.to_utc().year()) {
            return Err(rule("time", "an RFC 3339 time"));
        }
        self.check_extensions()
    }

    fn check_extensions(&self) -> Result<(), InvalidEnvelope> {
        for (name, value) in &self.extensions {
            if !is_name(name) || name == "data" {
                return Err(rule(name, "a name is lower-case letters and digits"));
            }
            let is_ours = slot(name).is_some();
            if is_ours && (name != "region" || self.tenant.is_some()) {
                return Err(rule(name, "it has a field of its own"));
            }
            if let Extension::Text(text) = value
                && let Some(broken) = forbidden(text)
            {
                return Err(rule(name, broken));
            }
        }
        Ok(())
    }

    /// Checks what this bus asks of its own events besides: names of one form, a subject, and moderate lengths.
    pub(crate) fn check_ours(&self) -> Result<(), InvalidEnvelope> {
        if !is_dotted(&self.event_type) {
            let words = "words of letters, digits, _ and - joined by dots";
            return Err(rule("type", words));
        }
        if !is_dotted(&self.aggregate) {
            let word = "a word of letters, digits, _ and -";
            return Err(rule("aggregatetype", word));
        }
        if self.subject.is_empty() {
            return Err(rule("subject", "not empty"));
        }
        let texts = [
            ("source", &self.source),
            ("subject", &self.subject),
            ("datacontenttype", &self.data_content_type),
        ];
        for (name, value) in texts {
            if value.len() > MAX_LENGTH {
                return Err(rule(name, "at most 2048 bytes"));
            }
        }
        self.check()
    }
}
