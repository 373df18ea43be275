//! The exported document: it is that of today, and holds together.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

fn exported() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto/asyncapi.json");
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn the_exported_document_is_that_of_today() {
    assert!(
        exported() == events::asyncapi(),
        "proto/asyncapi.json is not of these contracts: run `make asyncapi` and commit it"
    );
}

#[test]
fn every_type_is_a_message_of_its_topic_and_nothing_else_is() {
    let document = exported();
    let mut found = BTreeSet::new();
    for (topic, channel) in document["channels"].as_object().unwrap() {
        assert_eq!(channel["address"], topic.as_str());
        for name in channel["messages"].as_object().unwrap().keys() {
            found.insert((name.clone(), topic.clone()));
        }
    }
    let known = events::CATALOGUE.iter();
    let known = known.map(|known| (known.ty.to_owned(), known.topic.to_owned()));
    assert_eq!(found, known.collect());
    let operations = document["operations"].as_object().unwrap();
    assert_eq!(operations.len(), 2 * events::topics().len());
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(part: &Value, whole: &Value, followed: &mut usize) {
        match part {
            Value::Array(parts) => parts.iter().for_each(|part| walk(part, whole, followed)),
            Value::Object(object) => {
                if let Some(Value::String(reference)) = object.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(whole.pointer(pointer).is_some(), "{reference}");
                    *followed += 1;
                }
                object.values().for_each(|part| walk(part, whole, followed));
            }
            _ => {}
        }
    }
    let (document, mut followed) = (exported(), 0);
    walk(&document, &document, &mut followed);
    assert!(followed > 4 * events::CATALOGUE.len());
}
