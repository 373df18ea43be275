//! The names of attributes that have a field of the envelope.

/// An attribute by its names on the wire.
pub(super) struct Name {
    /// In JSON.
    pub(super) plain: &'static str,
    /// In a record's headers.
    pub(super) header: &'static str,
}

macro_rules! names {
    ($($name:literal)*) => {
        [$(Name { plain: $name, header: concat!("ce_", $name) }),*]
    };
}

/// How many of [`KNOWN`] are `CloudEvents`' own, whose values are strings; the rest are extensions.
const CORE: usize = 8;

/// In the order in which they are written, but for the content type, whose header has another name.
pub(super) const KNOWN: [Name; 19] = names!(
    "specversion" "id" "type" "source" "time" "subject" "datacontenttype" "dataschema"
    "aggregatetype" "correlationid" "dataversion" "sequence" "partitionkey" "tenantid" "region" "causationid" "userid"
    "traceparent" "tracestate"
);

impl Name {
    pub(super) fn is_core(&self) -> bool {
        KNOWN[..CORE].iter().any(|core| core.plain == self.plain)
    }
}

/// The place of an attribute in [`KNOWN`].
pub(super) fn slot(name: &str) -> Option<usize> {
    KNOWN.iter().position(|known| known.plain == name)
}
