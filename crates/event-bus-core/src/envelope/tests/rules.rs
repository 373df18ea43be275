//! The rules, one by one.

use super::*;

#[test]
fn each_broken_rule_is_named() {
    let cases = [
        ("ce_specversion", "0.3", "specversion"),
        ("ce_specversion", "1.0.2", "specversion"),
        ("ce_specversion", "", "specversion"),
        ("ce_id", "", "id"),
        ("ce_id", "a\u{1}", "id"),
        ("ce_type", "", "type"),
        ("ce_type", "a\u{ffff}", "type"),
        ("ce_source", "", "source"),
        ("ce_source", "/a b", "source"),
        ("ce_source", "/ü", "source"),
        ("ce_source", "1:2", "source"),
        ("ce_time", "", "time"),
        ("ce_time", "yesterday", "time"),
        ("ce_time", "2026-13-01T00:00:00Z", "time"),
        ("ce_time", "2026-01-01T00:00:00", "time"),
        ("ce_time", "2026-01-01 00:00:00Z", "time"),
        ("ce_time", "2026-01-01", "time"),
        ("ce_subject", "", "subject"),
        ("ce_subject", "a\u{7}b", "subject"),
        ("ce_subject", "a\u{fdd0}b", "subject"),
        ("ce_subject", "a\u{9f}b", "subject"),
        ("ce_dataschema", "", "dataschema"),
        ("ce_dataschema", "/relative", "dataschema"),
        ("ce_datacontenttype", "application/json", "datacontenttype"),
        ("content-type", "json", "datacontenttype"),
        ("content-type", "", "datacontenttype"),
        ("ce_partitionkey", "", "partitionkey"),
        ("ce_tenantid", "acme", "tenantid"),
        ("ce_region", "", "region"),
        ("ce_userid", "x", "userid"),
        ("ce_dataversion", "0", "dataversion"),
        ("ce_dataversion", "+1", "dataversion"),
        ("ce_UPPER", "x", "UPPER"),
        ("ce_with_line", "x", "with_line"),
        ("ce_ümlaut", "x", "ümlaut"),
        ("ce_", "x", ""),
        ("ce_data", "x", "data"),
        ("ce_theirs", "a\u{0}", "theirs"),
    ];
    for (name, value, attribute) in cases {
        let error = read(&with(name, value), None).expect_err(name).to_string();
        assert!(
            error.contains(&format!("attribute {attribute} breaks")),
            "{name}={value}: {error}"
        );
    }
    let tenant = ("ce_tenantid", "018f3c6e-0000-7000-8000-000000000001");
    let without_region = read(&with(tenant.0, tenant.1), None);
    assert_eq!(without_region, Err(InvalidEnvelope::Missing("region")));
    for left_out in ["ce_specversion", "ce_id", "ce_type", "ce_source"] {
        let mut headers = valid();
        headers.retain(|(name, _)| name != left_out);
        let error = read(&headers, None).expect_err(left_out);
        assert!(matches!(error, InvalidEnvelope::Missing(name) if left_out.ends_with(name)));
    }
}

#[test]
fn headers_that_are_no_utf8_are_named() {
    let id = valid();
    let mut headers: Vec<(&str, &[u8])> = (id.iter())
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    headers.push(("ce_theirs", b"\xff"));
    let error = Envelope::from_record(headers, None, None).unwrap_err();
    assert_eq!(error.to_string(), "attribute theirs breaks a rule: UTF-8");
}

#[test]
fn attributes_have_a_size_that_all_must_take_and_no_more() {
    let read = |length| read(&with("ce_theirs", &"x".repeat(length)), None);
    assert!(read(60_000).is_ok());
    assert!(read(65_536).unwrap_err().to_string().contains("64 KiB"));
}

#[test]
fn an_attribute_given_twice_or_a_key_that_contradicts_is_refused() {
    for name in ["ce_type", "ce_theirs"] {
        let mut twice = with(name, "order.paid");
        twice.push((name.to_owned(), "order.lost".to_owned()));
        let attribute = name.trim_start_matches("ce_").to_owned();
        assert_eq!(read(&twice, None), Err(InvalidEnvelope::Twice(attribute)));
    }
    let mut twice = with("content-type", "application/json");
    twice.push(("Content-Type".to_owned(), "application/json".to_owned()));
    let again = InvalidEnvelope::Twice("datacontenttype".to_owned());
    assert_eq!(read(&twice, None), Err(again));
    let error = read(&with("ce_partitionkey", "a"), Some("b")).unwrap_err();
    assert!(
        matches!(error, InvalidEnvelope::Contradiction(_)),
        "{error}"
    );
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
fn our_own_events_keep_to_more() {
    let ours = read(&valid(), Some("k")).unwrap();
    assert_eq!(ours.check_ours(), Ok(()));
    let broken = [
        Envelope {
            event_type: "order paid".to_owned(),
            ..ours.clone()
        },
        Envelope {
            aggregate: "an order".to_owned(),
            ..ours.clone()
        },
        Envelope {
            subject: String::new(),
            ..ours.clone()
        },
        Envelope {
            subject: "x".repeat(2049),
            ..ours.clone()
        },
        Envelope {
            source: "no uri".to_owned(),
            ..ours
        },
    ];
    for (envelope, name) in
        broken
            .iter()
            .zip(["type", "aggregatetype", "subject", "subject", "source"])
    {
        let error = envelope.check_ours().unwrap_err().to_string();
        assert!(error.contains(&format!("attribute {name} ")), "{error}");
    }
}

#[test]
fn an_extension_may_not_pass_for_what_has_a_field() {
    let mut envelope = read(&valid(), None).unwrap();
    for name in ["tenantid", "id", "Upper", "data", ""] {
        envelope.extensions.clear();
        envelope
            .extensions
            .insert(name.to_owned(), Extension::Boolean(true));
        assert!(envelope.check().is_err(), "{name}");
    }
}
