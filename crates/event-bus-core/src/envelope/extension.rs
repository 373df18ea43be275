//! What an event says beyond the attributes this bus has fields for.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{Serialize, Serializer};

/// The value of an extension attribute.
///
/// Headers know only text; JSON tells the three apart. Times, URIs and bytes are text in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extension {
    /// A `String`, or what is written as one.
    Text(String),
    /// An `Integer`: 32 bits with sign.
    Integer(i32),
    /// A `Boolean`.
    Boolean(bool),
}

impl Extension {
    /// The value in a header.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => text.into(),
            Self::Integer(number) => number.to_string().into(),
            Self::Boolean(true) => "true".into(),
            Self::Boolean(false) => "false".into(),
        }
    }
}

impl Serialize for Extension {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Integer(number) => serializer.serialize_i32(*number),
            Self::Boolean(is) => serializer.serialize_bool(*is),
        }
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// Where an event from elsewhere differs from what its [`Envelope`](super::Envelope) holds, so that it is written as it
/// came: ids and numbers of another form, and what it left out and the envelope fills in. Of our own events it is empty,
/// and costs nothing.
///
/// Two that differ only in what was left out are equal, as the envelopes are: the same is filled in.
#[derive(Clone, Debug, Default)]
pub struct OriginalAttributes(BTreeMap<&'static str, Option<Box<str>>>);

impl PartialEq for OriginalAttributes {
    fn eq(&self, other: &Self) -> bool {
        self.texts().eq(other.texts())
    }
}

impl Eq for OriginalAttributes {}

impl OriginalAttributes {
    fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.0.iter();
        texts.filter_map(|(name, text)| Some((*name, text.as_deref()?)))
    }

    /// The attribute came with this text, which is not how its field is written.
    pub(super) fn said(&mut self, name: &'static str, text: &str) {
        self.0.insert(name, Some(text.into()));
    }

    /// The attribute was not there.
    pub(super) fn left_out(&mut self, name: &'static str) {
        self.0.insert(name, None);
    }

    /// Whether the attribute was not there.
    pub(super) fn lacks(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(None))
    }

    /// The text it came with, if the field's is another.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_deref()
    }

    /// From now on the field is what counts.
    pub(super) fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }
}
