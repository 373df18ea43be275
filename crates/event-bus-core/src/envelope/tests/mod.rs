mod foreign;
mod properties;
mod rules;
mod structured;

use std::collections::BTreeMap;

use proptest::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Envelope, Extension, InvalidEnvelope, OriginalAttributes, TenantRef};

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

/// Text an attribute may hold.
fn text() -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{1,40}".prop_filter("no noncharacters", |text| {
        super::syntax::forbidden(text).is_none()
    })
}

fn extensions() -> impl Strategy<Value = BTreeMap<String, Extension>> {
    let value = prop_oneof![
        "[^\\p{Cc}]{0,20}".prop_map(Extension::Text),
        any::<i32>().prop_map(Extension::Integer),
        any::<bool>().prop_map(Extension::Boolean),
    ];
    let allowed = |value: &Extension| super::syntax::forbidden(&value.text()).is_none();
    prop::collection::btree_map(
        "x[a-z0-9]{0,9}",
        value.prop_filter("no noncharacters", allowed),
        0..4,
    )
}

prop_compose! {
    fn envelope()(
        (id, correlation_id) in (uuid(), uuid()),
        event_type in "[a-z]{1,9}(\\.[a-z_]{1,9}){0,3}",
        source in "(https://[a-z]{1,9}\\.example)?(/[a-z0-9_.~-]{1,9}){1,3}(\\?[a-z=&]{0,9})?",
        nanoseconds in 0i128..253_402_300_799_000_000_000,
        (subject, partition_key) in (text(), text()),
        aggregate in "[a-z_]{1,12}",
        tenant in prop::option::of((uuid(), "[a-z0-9-]{1,10}")),
        (causation_id, user_id) in (prop::option::of(uuid()), prop::option::of(uuid())),
        (data_version, sequence) in (1u32.., any::<u64>()),
        traceparent in prop::option::of("00-[1-9a-f]{32}-[1-9a-f]{16}-0[01]"),
        tracestate in prop::option::of("[a-z]{1,9}=[a-z0-9]{1,9}"),
        data_schema in prop::option::of("https://[a-z]{1,9}\\.example/[a-z0-9/]{0,9}"),
        extensions in extensions(),
    ) -> Envelope {
        Envelope {
            id,
            event_type,
            source,
            time: OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).expect("in range"),
            subject,
            aggregate,
            tenant: tenant.map(|(id, region)| TenantRef { id, region }),
            correlation_id,
            causation_id,
            user_id,
            data_version,
            sequence,
            partition_key,
            traceparent,
            tracestate,
            data_content_type: "application/avro".to_owned(),
            data_schema,
            extensions,
            as_given: OriginalAttributes::default(),
        }
    }
}

fn read(headers: &[(String, String)], key: Option<&str>) -> Result<Envelope, InvalidEnvelope> {
    let headers = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()));
    let parsed = Envelope::from_record(headers, key.map(str::as_bytes), None);
    parsed.map(|parsed| parsed.envelope)
}

fn written(envelope: &Envelope) -> Vec<(String, String)> {
    let headers = envelope.to_headers().into_iter();
    headers
        .map(|(name, value)| (name.into_owned(), value))
        .collect()
}

fn valid() -> Vec<(String, String)> {
    let id = Uuid::now_v7().to_string();
    let attributes = [
        ("ce_specversion", "1.0"),
        ("ce_id", id.as_str()),
        ("ce_type", "order.paid"),
        ("ce_source", "/shop"),
        ("ce_time", "2026-01-02T03:04:05.678901Z"),
        ("ce_subject", "order-1"),
    ];
    let owned = attributes.map(|(name, value)| (name.to_owned(), value.to_owned()));
    owned.to_vec()
}

fn with(name: &str, value: &str) -> Vec<(String, String)> {
    let mut headers = valid();
    headers.retain(|(found, _)| found != name);
    headers.push((name.to_owned(), value.to_owned()));
    headers
}
