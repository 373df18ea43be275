use bytes::Bytes;
use proptest::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{BadEnvelope, Envelope, TenantRef};

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

/// Text an attribute may hold.
fn text() -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{1,40}"
}

prop_compose! {
    fn envelope()(
        (id, correlation_id) in (uuid(), uuid()),
        event_type in "[a-z]{1,9}(\\.[a-z_]{1,9}){0,3}",
        source in "[!-~]{1,30}",
        nanoseconds in 0i128..253_402_300_799_000_000_000,
        (subject, partition_key) in (text(), text()),
        aggregate in "[a-z_]{1,12}",
        tenant in prop::option::of((uuid(), "[a-z0-9-]{1,10}")),
        (causation_id, user_id) in (prop::option::of(uuid()), prop::option::of(uuid())),
        (data_version, sequence) in (1u32.., any::<u64>()),
        traceparent in prop::option::of("00-[1-9a-f]{32}-[1-9a-f]{16}-0[01]"),
        tracestate in prop::option::of("[a-z]{1,9}=[a-z0-9]{1,9}"),
        data_schema in prop::option::of(text()),
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
        }
    }
}

fn read(headers: &[(String, String)], key: Option<&str>) -> Result<Envelope, BadEnvelope> {
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

proptest! {
    #[test]
    fn an_envelope_comes_back_from_headers_as_it_was(envelope in envelope()) {
        let back = read(&written(&envelope), Some(&envelope.partition_key));
        prop_assert_eq!(back, Ok(envelope));
    }

    #[test]
    fn an_envelope_comes_back_from_json_as_it_was(envelope in envelope()) {
        let json = serde_json::to_string(&envelope).unwrap();
        let back: Envelope = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(back, envelope);
    }

    #[test]
    fn whatever_the_headers_reading_does_not_panic(
        headers in prop::collection::vec(("(ce_)?[a-z]{0,12}|content-type|.{0,5}", prop::collection::vec(any::<u8>(), 0..40)), 0..12),
        key in prop::option::of(prop::collection::vec(any::<u8>(), 0..20)),
        value in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        let _ = Envelope::from_record(headers, key.as_deref(), Some(Bytes::from(value)));
    }

    #[test]
    fn a_damaged_attribute_is_refused_or_reads_as_another_valid_envelope(
        envelope in envelope(), which in any::<prop::sample::Index>(), damage in "\\PC{0,12}",
    ) {
        let mut headers = written(&envelope);
        let index = which.index(headers.len());
        headers[index].1 = damage;
        if let Ok(read) = read(&headers, None) {
            prop_assert_eq!(read.check(), Ok(()));
        }
    }
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

#[test]
fn what_others_leave_out_is_filled_in() {
    let envelope = read(&valid(), Some("k")).unwrap();
    assert_eq!(envelope.correlation_id, envelope.id);
    assert_eq!((envelope.data_version, envelope.sequence), (1, 0));
    assert_eq!(envelope.aggregate, "order");
    assert_eq!(envelope.partition_key, "k");
    assert_eq!(envelope.data_content_type, "application/json");
}

#[test]
fn each_broken_rule_is_named() {
    let cases = [
        ("ce_specversion", "0.3", "specversion"),
        ("ce_id", "one", "id"),
        ("ce_type", "order paid", "type"),
        ("ce_type", "", "type"),
        ("ce_source", "", "source"),
        ("ce_time", "yesterday", "time"),
        ("ce_time", "2026-13-01T00:00:00Z", "time"),
        ("ce_subject", "", "subject"),
        ("ce_subject", "a\u{7}b", "subject"),
        ("ce_tenantid", "acme", "tenantid"),
        (
            "ce_tenantid",
            "018f3c6e-0000-7000-8000-000000000001",
            "region",
        ),
        ("ce_region", "", "region"),
        ("ce_correlationid", "x", "correlationid"),
        ("ce_causationid", "x", "causationid"),
        ("ce_userid", "x", "userid"),
        ("ce_dataversion", "0", "dataversion"),
        ("ce_dataversion", "+1", "dataversion"),
        ("ce_sequence", "-1", "sequence"),
        ("ce_UPPER", "x", "UPPER"),
        ("ce_with_line", "x", "with_line"),
    ];
    for (name, value, attribute) in cases {
        let error = read(&with(name, value), None).expect_err(name).to_string();
        assert!(
            error.contains(&format!("attribute {attribute} ")),
            "{name}={value}: {error}"
        );
    }
    for left_out in [
        "ce_specversion",
        "ce_id",
        "ce_type",
        "ce_source",
        "ce_time",
        "ce_subject",
    ] {
        let mut headers = valid();
        headers.retain(|(name, _)| name != left_out);
        let error = read(&headers, None).expect_err(left_out);
        assert!(matches!(error, BadEnvelope::Missing(name) if left_out.ends_with(name)));
    }
}

#[test]
fn an_attribute_given_twice_or_a_key_that_contradicts_is_refused() {
    let mut twice = valid();
    twice.push(("ce_type".to_owned(), "order.lost".to_owned()));
    assert_eq!(
        read(&twice, None),
        Err(BadEnvelope::Twice("type".to_owned()))
    );
    let error = read(&with("ce_partitionkey", "a"), Some("b")).unwrap_err();
    assert!(matches!(error, BadEnvelope::Contradiction(_)), "{error}");
}

#[test]
fn a_malformed_traceparent_costs_the_trace_and_not_the_event() {
    for malformed in [
        "",
        "00-x",
        "00-00000000000000000000000000000000-0123456789abcdef-01",
    ] {
        let envelope = read(&with("ce_traceparent", malformed), None).unwrap();
        assert_eq!(envelope.traceparent, None, "{malformed}");
    }
}

#[test]
fn structured_mode_gives_the_payload_in_each_of_its_forms() {
    let event = |data: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"018f3c6e-0000-7000-8000-000000000001","type":"a.b","source":"/x",
            "time":"2026-01-01T00:00:00Z","subject":"s","dataversion":2,{data}}}"#
        )
    };
    let read = |data: &str| {
        let headers = [(
            "content-type",
            &b"application/cloudevents+json; charset=UTF-8"[..],
        )];
        Envelope::from_record(headers, None, Some(event(data).into()))
    };
    let json = read(r#""data":{"a":1}"#).unwrap();
    assert_eq!(
        (json.payload.as_ref(), json.envelope.data_version),
        (&br#"{"a":1}"#[..], 2)
    );
    let avro = read(r#""datacontenttype":"application/avro","data_base64":"AAAAAAEC""#).unwrap();
    assert_eq!(avro.payload.as_ref(), b"\0\0\0\0\x01\x02");
    let text = read(r#""datacontenttype":"text/plain","data":"hello""#).unwrap();
    assert_eq!(text.payload.as_ref(), b"hello");
    assert!(read(r#""data":1,"data_base64":"AA==""#).is_err());
    assert!(read(r#""data_base64":"?""#).is_err());
    assert!(read(r#""extension":{"not":"flat"}"#).is_err());
}
