//! An envelope's attributes on their way out.

use std::borrow::Cow;

use time::format_description::well_known::Rfc3339;

use super::{Envelope, attributes::SPEC_VERSION};

impl Envelope {
    /// Gives each attribute that has a field, by its name, as the event came: what one from elsewhere left out is left out.
    pub(super) fn each_given<'a>(&'a self, mut put: impl FnMut(&'static str, Cow<'a, str>)) {
        self.each(|name, value| {
            if !self.as_given.lacks(name) {
                put(name, value);
            }
        });
    }

    /// Gives each attribute that has a field, by its name, what was filled in among them.
    pub(super) fn each<'a>(&'a self, mut put: impl FnMut(&'static str, Cow<'a, str>)) {
        self.each_field(|name, value| match self.as_given.text(name) {
            Some(text) => put(name, text.into()),
            None => put(name, value),
        });
        // A cause that is no event of ours has no field.
        if self.causation_id.is_none()
            && let Some(text) = self.as_given.text("causationid")
        {
            put("causationid", text.into());
        }
    }

    fn each_field<'a>(&'a self, mut put: impl FnMut(&'static str, Cow<'a, str>)) {
        put("specversion", SPEC_VERSION.into());
        put("id", self.id.to_string().into());
        put("type", self.event_type.as_str().into());
        put("source", self.source.as_str().into());
        let time = self.time.to_utc().format(&Rfc3339).unwrap_or_default();
        put("time", time.into());
        if !self.subject.is_empty() {
            put("subject", self.subject.as_str().into());
        }
        put("aggregatetype", self.aggregate.as_str().into());
        put("correlationid", self.correlation_id.to_string().into());
        put("dataversion", self.data_version.to_string().into());
        put("sequence", self.sequence.to_string().into());
        put("datacontenttype", self.data_content_type.as_str().into());
        if !self.partition_key.is_empty() {
            put("partitionkey", self.partition_key.as_str().into());
        }
        if let Some(tenant) = &self.tenant {
            put("tenantid", tenant.id.to_string().into());
            put("region", tenant.region.as_str().into());
        }
        let ids = [("causationid", self.causation_id), ("userid", self.user_id)];
        for (name, id) in ids {
            if let Some(id) = id {
                put(name, id.to_string().into());
            }
        }
        let texts = [
            ("traceparent", &self.traceparent),
            ("tracestate", &self.tracestate),
            ("dataschema", &self.data_schema),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                put(name, text.as_str().into());
            }
        }
    }
}
