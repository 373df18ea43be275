//! The catalogue as a whole: what every event must keep to.

use std::{collections::BTreeSet, fmt::Write as _};

use event_bus_core::{EventType, SchemaSource, Scope};
use serde_json::{Value, json};

const DOMAINS: [&str; 9] = [
    "analytics",
    "audit",
    "billing",
    "file",
    "notification",
    "order",
    "system",
    "tenant",
    "user",
];

fn schema(known: &EventType) -> Value {
    serde_json::from_str((known.schema)().json()).unwrap()
}

fn fields(schema: &Value) -> Vec<Value> {
    schema["fields"].as_array().unwrap().clone()
}

fn names(schema: &Value) -> BTreeSet<String> {
    (fields(schema).iter())
        .map(|field| field["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_catalogue_is_as_agreed() {
    let mut lines = String::new();
    for known in events::CATALOGUE {
        let EventType {
            ty,
            topic,
            aggregate,
            scope,
            version,
            ..
        } = known;
        let schema = schema(known);
        let fields: Vec<_> = (fields(&schema).iter())
            .map(|field| {
                let optional = if field["type"].is_array() { "?" } else { "" };
                format!("{}{optional}", field["name"].as_str().unwrap())
            })
            .collect();
        let fields = fields.join(" ");
        writeln!(
            lines,
            "{ty} v{version} {scope:?}/{aggregate} on {topic}: {fields}"
        )
        .unwrap();
    }
    insta::assert_snapshot!(lines);
}

#[test]
fn names_are_unique_sorted_and_on_known_topics() {
    let types: Vec<_> = events::CATALOGUE.iter().map(|known| known.ty).collect();
    assert!(types.is_sorted_by(|a, b| a < b), "{types:?}");
    let records: BTreeSet<_> = events::CATALOGUE
        .iter()
        .map(|known| (known.schema)().full_name())
        .collect();
    assert_eq!(records.len(), types.len());
    for topic in events::topics() {
        let domain = topic.strip_suffix(".events").unwrap();
        assert!(DOMAINS.contains(&domain), "{topic}");
    }
}

#[test]
fn the_catalogue_answers_by_name_and_version() {
    for known in events::CATALOGUE {
        assert_eq!(events::find(known.ty).unwrap().ty, known.ty);
        assert!(events::Catalogue.schema(known.ty, known.version).is_some());
        assert!(
            events::Catalogue
                .schema(known.ty, known.version + 1)
                .is_none()
        );
        assert_eq!(events::Catalogue.scope(known.ty), Some(known.scope));
    }
    assert!(events::find("order.vanished").is_none());
}

#[test]
fn every_tenant_event_carries_the_whole_tenant() {
    let snapshot = [
        "tenantId",
        "code",
        "name",
        "region",
        "cluster",
        "package",
        "billingEmail",
        "status",
        "version",
    ];
    let tenant_events: Vec<_> = events::CATALOGUE
        .iter()
        .filter(|known| known.aggregate == "tenant")
        .collect();
    assert!(tenant_events.len() >= 9);
    for known in tenant_events {
        let names = names(&schema(known));
        for field in snapshot {
            assert!(names.contains(field), "{} lacks {field}", known.ty);
        }
        assert_eq!(known.scope, Scope::Tenant);
    }
}

#[test]
fn no_field_is_named_like_a_secret() {
    let secrets = [
        "password",
        "secret",
        "token",
        "hash",
        "apikey",
        "credential",
        "pin",
        "otp",
        "cvc",
        "card",
    ];
    let mut all = BTreeSet::new();
    for known in events::CATALOGUE {
        collect_names(&schema(known), &mut all);
    }
    for name in all {
        let words = name.to_lowercase();
        assert!(
            !secrets.iter().any(|secret| words.contains(secret)),
            "{name} looks like a secret"
        );
    }
}

fn collect_names(schema: &Value, into: &mut BTreeSet<String>) {
    match schema {
        Value::Array(parts) => parts.iter().for_each(|part| collect_names(part, into)),
        Value::Object(object) => {
            if let Some(Value::Array(_)) = object.get("fields") {
                into.extend(names(schema));
            }
            object.values().for_each(|value| collect_names(value, into));
        }
        _ => {}
    }
}

#[test]
fn optional_fields_default_to_null_and_every_field_is_explained() {
    for known in events::CATALOGUE {
        for field in fields(&schema(known)) {
            let what = format!("{}.{}", known.ty, field["name"]);
            assert!(
                field["doc"].as_str().is_some_and(|doc| !doc.is_empty()),
                "{what} has no doc"
            );
            let Some(union) = field["type"].as_array() else {
                continue;
            };
            assert_eq!(union.len(), 2, "{what}");
            assert_eq!(union[0], json!("null"), "{what}");
            assert_eq!(field.get("default"), Some(&Value::Null), "{what}");
        }
    }
}

#[test]
fn the_registry_sees_no_attribute_of_ours() {
    for known in events::CATALOGUE {
        assert!(!(known.schema)().json().contains("\"x-"), "{}", known.ty);
    }
}
