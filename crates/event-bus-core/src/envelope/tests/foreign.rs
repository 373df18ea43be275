//! Events that others wrote: valid though they lack or say otherwise what ours have, and written back as they came.

use super::*;

fn theirs(extra: &[(&str, &str)]) -> Vec<(String, String)> {
    let attributes = [
        ("ce_specversion", "1.0"),
        ("ce_id", "A234-1234-1234"),
        ("ce_type", "https://example.com/Blob Created"),
        ("ce_source", "urn:example:store"),
    ];
    let all = attributes.iter().chain(extra);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn sorted(mut headers: Vec<(String, String)>) -> Vec<(String, String)> {
    headers.sort();
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
fn the_least_that_is_an_event_is_one_and_is_written_as_it_came() {
    let headers = theirs(&[]);
    let mut envelope = read(&headers, Some("key")).unwrap();

    assert_eq!(envelope.subject, "");
    assert!(!envelope.states_time());
    assert_eq!(envelope.id_text(), "A234-1234-1234");
    assert_eq!(sorted(written(&envelope)), sorted(headers));

    envelope.arrived(Some(1_767_225_600_123));
    let arrived = OffsetDateTime::from_unix_timestamp_nanos(1_767_225_600_123_000_000);
    assert_eq!(Ok(envelope.time), arrived);
    assert!(!written(&envelope).iter().any(|(name, _)| name == "ce_time"));

    // In a store the envelope says all that was filled in, and keeps its identity.
    let kept: Envelope = serde_json::from_value(serde_json::to_value(&envelope).unwrap()).unwrap();
    assert_eq!(kept, envelope);
    assert_eq!(kept.id_text(), "A234-1234-1234");
}

#[test]
fn a_stated_time_is_not_replaced() {
    let mut envelope = read(&valid(), None).unwrap();
    let stated = envelope.time;
    envelope.arrived(Some(0));
    assert_eq!(envelope.time, stated);
}

#[test]
fn the_same_id_of_two_sources_is_two_events_and_of_one_is_one() {
    let id = |source: &str, id: &str| {
        let mut headers = theirs(&[]);
        headers.retain(|(name, _)| name != "ce_source" && name != "ce_id");
        headers.push(("ce_source".to_owned(), source.to_owned()));
        headers.push(("ce_id".to_owned(), id.to_owned()));
        read(&headers, None).unwrap().id
    };
    assert_eq!(id("/a", "1"), id("/a", "1"));
    assert_ne!(id("/a", "1"), id("/b", "1"));
    assert_ne!(id("/a", "1"), id("/a", "2"));
    assert_ne!(id("/a", "b1"), id("/ab", "1"));
    // Ids are text: another spelling of a UUID is another id.
    let uuid = "018f3c6e-0000-7000-8000-00000000000a";
    assert_eq!(id("/a", uuid).to_string(), uuid);
    assert_ne!(id("/a", &uuid.to_uppercase()), id("/a", uuid));
}

#[test]
fn extensions_are_kept_and_written_back() {
    let given = theirs(&[
        ("ce_comexampleextension1", "value"),
        ("ce_empty", ""),
        ("ce_region", "Somewhere else"),
        ("ce_correlationid", "txn-1"),
        ("ce_causationid", "cause-1"),
        ("ce_sequence", "0042"),
        ("ce_time", "2026-01-02T03:04:05Z"),
        ("ce_partitionkey", "k"),
        ("content-type", "application/xml"),
    ]);
    let envelope = read(&given, Some("k")).unwrap();

    assert_eq!(envelope.extensions["comexampleextension1"].text(), "value");
    assert_eq!(envelope.tenant, None);
    assert_eq!((envelope.sequence, envelope.causation_id), (42, None));
    assert_eq!(sorted(written(&envelope)), sorted(given));
    let kept: Envelope = serde_json::from_value(serde_json::to_value(&envelope).unwrap()).unwrap();
    assert_eq!(kept, envelope);
    let other = read(&theirs(&[("ce_correlationid", "txn-1")]), None).unwrap();
    assert_eq!(other.correlation_id, envelope.correlation_id);
}

#[test]
fn a_key_of_bytes_is_none_of_the_events_attributes() {
    let headers = theirs(&[]);
    let headers = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()));
    let parsed = Envelope::from_record(headers, Some(b"\xff\x00"), None).unwrap();
    assert_eq!(parsed.envelope.partition_key, "");
}
