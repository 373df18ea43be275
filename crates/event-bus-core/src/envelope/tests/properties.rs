//! What holds for every envelope, and for any bytes.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{
    ContentMode, RawRecord,
    envelope::{Content, Parsed},
};

/// As the headers have it, where a number is text.
fn in_headers(mut envelope: Envelope) -> Envelope {
    for value in envelope.extensions.values_mut() {
        *value = Extension::Text(value.text().into_owned());
    }
    envelope
}

fn read_again(record: &RawRecord) -> Result<Content, InvalidEnvelope> {
    let headers = record.headers.iter();
    let headers =
        headers.map(|(name, value)| (name.as_ref(), value.as_deref().unwrap_or_default()));
    let value = record.value.clone().map(Bytes::from);
    Envelope::all_from_record(headers, record.key.as_deref(), value)
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<f64>().prop_map(|n| serde_json::json!(n).to_string()),
        any::<u128>().prop_map(|n| n.to_string()),
        ".{0,9}".prop_map(|text| serde_json::json!(text).to_string()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|all| format!("[{}]", all.join(" , "))),
            inner.prop_map(|value| format!("{{\"a\" : {value}}}")),
        ]
    })
}

/// What stands where an event's JSON is expected: nearly an event, or anything.
fn nearly_an_event() -> impl Strategy<Value = String> {
    let name = "specversion|id|type|source|time|subject|data|data_base64|datacontenttype|tenantid|region|[a-z]{0,5}|.{0,4}";
    let value = prop_oneof![json(), Just("\"1.0\"".to_owned()), Just("\"a\"".to_owned())];
    prop::collection::vec((name, value), 0..8).prop_map(|members| {
        let member =
            |(name, value): (String, String)| format!("{}:{value}", serde_json::json!(name));
        format!(
            "{{{}}}",
            members
                .into_iter()
                .map(member)
                .collect::<Vec<_>>()
                .join(",")
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_envelope_comes_back_from_headers_as_it_was(envelope in envelope()) {
        let back = read(&written(&envelope), Some(&envelope.partition_key));
        prop_assert_eq!(back, Ok(in_headers(envelope)));
    }

    #[test]
    fn an_envelope_comes_back_from_json_as_it_was(envelope in envelope()) {
        let json = serde_json::to_string(&envelope).unwrap();
        let back: Envelope = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&back, &envelope);
        let value = serde_json::to_value(&envelope).unwrap();
        let back: Envelope = serde_json::from_value(value).unwrap();
        prop_assert_eq!(back, envelope);
    }

    #[test]
    fn an_event_comes_back_in_each_mode_with_its_payload(
        envelope in envelope(),
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        text in ".{0,40}",
        json in json(),
    ) {
        let payloads = [
            ("application/avro", bytes),
            ("text/plain; charset=utf-8", text.into_bytes()),
            ("application/json", json.into_bytes()),
        ];
        for (content_type, payload) in payloads {
            let envelope = Envelope { data_content_type: content_type.to_owned(), ..envelope.clone() };
            for mode in [ContentMode::Binary, ContentMode::Structured] {
                let record = RawRecord::of("t", &envelope, Some(payload.clone()), mode).unwrap();
                let expected = match mode {
                    ContentMode::Binary => in_headers(envelope.clone()),
                    ContentMode::Structured => envelope.clone(),
                };
                let expected = Parsed { envelope: expected, payload: payload.clone().into() };
                prop_assert_eq!(read_again(&record), Ok(Content::Event(expected)));
            }
        }
    }

    #[test]
    fn a_batch_gives_its_events_in_order(envelopes in prop::collection::vec(envelope(), 0..5)) {
        let events = envelopes.iter().map(|envelope| envelope.to_structured(Some(b"\0")).unwrap());
        let events: Vec<String> = events.map(|event| String::from_utf8(event).unwrap()).collect();
        let value = Bytes::from(format!("[{}]", events.join(", ")));
        let headers = [("content-type", &b"application/cloudevents-batch+json"[..])];
        let read = Envelope::all_from_record(headers, None, Some(value)).unwrap();
        prop_assert_eq!(read.into_iter().map(|event| event.envelope).collect::<Vec<_>>(), envelopes);
    }

    #[test]
    fn whatever_the_record_reading_does_not_panic(
        headers in prop::collection::vec(("(ce_)?[a-z]{0,12}|content-type|.{0,5}", prop::collection::vec(any::<u8>(), 0..40)), 0..12),
        content_type in prop::option::of("application/cloudevents(-batch)?(\\+json)?|application/cloudevents\\PC{0,5}|\\PC{0,9}"),
        key in prop::option::of(prop::collection::vec(any::<u8>(), 0..20)),
        value in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            nearly_an_event().prop_map(String::into_bytes),
            nearly_an_event().prop_map(|event| format!("[{event}]").into_bytes()),
        ],
    ) {
        let content_type = content_type.iter().map(|value| ("content-type", value.as_bytes()));
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        let read = Envelope::all_from_record(content_type.chain(headers), key.as_deref(), Some(Bytes::from(value)));
        if let Ok(content) = read {
            for event in content {
                prop_assert_eq!(event.envelope.check(), Ok(()));
            }
        }
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
