//! The names of attributes that have a field of the envelope.

/// An attribute by its names on the wire.
pub(super) struct Name {
    /// In JSON.
    pub(super) plain: &'static str,
    /// In a record's headers.
    pub(super) header: &'static str,
}

/// Writes the list, and the search as a `match`, which is worked out at compile time for names in the code.
macro_rules! names {
    ($($place:literal $name:literal)*) => {
        /// In the order in which they are written, but for the content type, whose header has another name.
        pub(super) const KNOWN: [Name; COUNT] =
            [$(Name { plain: $name, header: concat!("ce_", $name) }),*];

        /// The place of an attribute in [`KNOWN`].
        #[inline]
        pub(super) fn slot(name: &str) -> Option<usize> {
            match name {
                $($name => Some($place),)*
                _ => None,
            }
        }
    };
}

const COUNT: usize = 19;
/// How many of [`KNOWN`] are `CloudEvents`' own, whose values are strings; the rest are extensions.
const CORE: usize = 8;

names!(
    0 "specversion" 1 "id" 2 "type" 3 "source" 4 "time" 5 "subject" 6 "datacontenttype" 7 "dataschema"
    8 "aggregatetype" 9 "correlationid" 10 "dataversion" 11 "sequence" 12 "partitionkey" 13 "tenantid" 14 "region"
    15 "causationid" 16 "userid" 17 "traceparent" 18 "tracestate"
);

impl Name {
    pub(super) fn is_core(&self) -> bool {
        slot(self.plain).is_some_and(|place| place < CORE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_at_its_place() {
        for (place, name) in KNOWN.iter().enumerate() {
            assert_eq!(slot(name.plain), Some(place), "{}", name.plain);
        }
        assert_eq!(slot("partition"), None);
    }
}
