//! Structured mode and batches.

use bytes::Bytes;

use super::*;
use crate::envelope::Content;

const STRUCTURED: &str = "application/cloudevents+json; charset=UTF-8";
const BATCH: &str = "Application/CloudEvents-Batch+JSON";

fn event(members: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"018f3c6e-0000-7000-8000-000000000001","type":"a.b","source":"/x"{members}}}"#
    )
}

fn read_all(content_type: &str, value: impl Into<Bytes>) -> Result<Content, InvalidEnvelope> {
    let headers = [("content-type", content_type.as_bytes())];
    Envelope::all_from_record(headers, None, Some(value.into()))
}

fn read_one(members: &str) -> Result<super::super::Parsed, InvalidEnvelope> {
    let headers = [("content-type", STRUCTURED.as_bytes())];
    Envelope::from_record(headers, None, Some(event(members).into()))
}

#[test]
fn the_payload_is_found_in_each_of_its_forms() {
    let payload = |members: &str| read_one(members).unwrap().payload;
    assert_eq!(payload(r#","data":{"a" : 1.0}"#), r#"{"a" : 1.0}"#);
    assert_eq!(payload(r#","data":null"#), "null");
    assert_eq!(payload(r#","data":"text""#), r#""text""#);
    assert_eq!(payload(""), "");
    let avro = r#","datacontenttype":"application/avro","data_base64":"AAAAAAEC""#;
    assert_eq!(payload(avro), &b"\0\0\0\0\x01\x02"[..]);
    let text = r#","datacontenttype":"text/plain","data":"gr\u00fc\u00dfe""#;
    assert_eq!(payload(text), "grüße");
    let digits = r#","data":123456789012345678901234567890"#;
    assert_eq!(
        payload(digits),
        "123456789012345678901234567890",
        "no digit is lost"
    );
}

#[test]
fn each_broken_rule_is_named() {
    let cases = [
        (
            r#","data":1,"data_base64":"AA==""#,
            "both data and data_base64",
        ),
        (r#","data":1,"data":1"#, "data is given twice"),
        (r#","data_base64":"?""#, "data_base64"),
        (r#","data_base64":5"#, "expected a string"),
        (
            r#","datacontenttype":"text/plain","data":{}"#,
            "data is no string",
        ),
        (
            r#","datacontenttype":"text/plain; charset=latin1","data":"x""#,
            "charset",
        ),
        (
            r#","theirs":{"not":"flat"}"#,
            "attribute theirs breaks a rule: a string, whole number or boolean",
        ),
        (r#","theirs":[]"#, "attribute theirs"),
        (
            r#","theirs":1.5"#,
            "attribute theirs breaks a rule: a number without fraction",
        ),
        (
            r#","theirs":2147483648"#,
            "attribute theirs breaks a rule: a whole number of 32 bits",
        ),
        (
            r#","theirs":"a","theirs":"b""#,
            "attribute theirs is given twice",
        ),
        (
            r#","subject":5"#,
            "attribute subject breaks a rule: a string",
        ),
        (r#","subject":true"#, "attribute subject"),
        (r#","Upper":"x""#, "attribute Upper"),
        (r#","theirs":"\ud800""#, "not a structured event"),
        (r#","theirs":"\u0000""#, "no control characters"),
        (r#","dataversion":true"#, "attribute dataversion"),
        (r#","type":"again""#, "attribute type is given twice"),
    ];
    for (members, expected) in cases {
        let error = read_one(members).expect_err(members).to_string();
        assert!(error.contains(expected), "{members}: {error}");
    }
    for value in ["", "{", "[]", "null", "1"] {
        let error = read_all(STRUCTURED, value).unwrap_err();
        assert!(
            matches!(error, InvalidEnvelope::Structured(_)),
            "{value}: {error}"
        );
    }
}

#[test]
fn null_is_unset_and_the_types_of_extensions_are_kept() {
    let parsed = read_one(
        r#","subject":null,"time":null,"theirs":-5,"yes":true,"dataversion":2,"sequence":7"#,
    )
    .unwrap();
    let envelope = parsed.envelope;
    assert_eq!(
        (envelope.subject.as_str(), envelope.states_time()),
        ("", false)
    );
    assert_eq!((envelope.data_version, envelope.sequence), (2, 7));
    assert_eq!(envelope.extensions["theirs"], Extension::Integer(-5));
    assert_eq!(envelope.extensions["yes"], Extension::Boolean(true));
    let json: serde_json::Value =
        serde_json::from_slice(&envelope.to_structured(None).unwrap()).unwrap();
    let expected = serde_json::json!({
        "specversion": "1.0", "id": "018f3c6e-0000-7000-8000-000000000001", "type": "a.b", "source": "/x",
        "datacontenttype": "application/json", "dataversion": "2", "sequence": "7", "theirs": -5, "yes": true,
    });
    assert_eq!(json, expected);
}

#[test]
fn headers_that_repeat_attributes_do_not_count_wherever_they_stand() {
    for bad_first in [true, false] {
        let bad = ("ce_Bad", &b"\xff"[..]);
        let structured = ("content-type", STRUCTURED.as_bytes());
        let headers = if bad_first {
            [bad, structured]
        } else {
            [structured, bad]
        };
        let parsed = Envelope::from_record(headers, None, Some(event("").into())).unwrap();
        assert_eq!(parsed.envelope.event_type, "a.b");
    }
}

#[test]
fn formats_that_are_not_json_are_refused_by_name() {
    for content_type in [
        "application/cloudevents",
        "application/cloudevents+avro",
        "application/cloudevents+json; charset=latin1",
        "application/cloudevents-batch",
        "application/cloudeventsx+json",
    ] {
        let error = read_all(content_type, event("")).unwrap_err();
        assert_eq!(error, InvalidEnvelope::Format(content_type.to_owned()));
    }
}

#[test]
fn a_batch_is_read_whole_or_not_at_all() {
    let (good, bad) = (event(r#","data":1"#), event(r#","subject":"""#));
    let events = |value: String| read_all(BATCH, value).map(|content| content.into_iter().count());
    assert_eq!(events("[]".to_owned()), Ok(0));
    assert_eq!(events(format!("[{good},{good}]")), Ok(2));
    let error = events(format!("[{good},{bad}]")).unwrap_err().to_string();
    assert_eq!(
        error,
        "event 1 of the batch: attribute subject breaks a rule: not empty"
    );
    assert!(events(good.clone()).is_err(), "a batch is an array");

    let one = |value: String| {
        let headers = [("content-type", BATCH.as_bytes())];
        Envelope::from_record(headers, None, Some(value.into()))
    };
    assert_eq!(one(format!("[{good}]")).unwrap().payload, "1");
    assert_eq!(one("[]".to_owned()), Err(InvalidEnvelope::Batch(0)));
    assert_eq!(
        one(format!("[{good},{good}]")),
        Err(InvalidEnvelope::Batch(2))
    );
}

#[test]
fn a_payload_that_is_not_the_json_it_says_is_not_written() {
    let envelope = read_one("").unwrap().envelope;
    let error = envelope.to_structured(Some(b"{")).unwrap_err();
    assert!(
        matches!(error, InvalidEnvelope::Contradiction(_)),
        "{error}"
    );
}
