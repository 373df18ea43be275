//! What was released stays readable, and reads what is written now: records of it lie in logs, outboxes and stores.

use event_bus_core::{EventType, SchemaSource, compatibility::faults};
use serde_json::Value;

#[test]
fn no_type_breaks_with_what_was_released() {
    let mut all = Vec::new();
    for now in events::CATALOGUE {
        let released: Vec<EventType> = events::released(now.ty).copied().collect();
        all.extend(faults(now, &released).unwrap());
    }
    assert!(
        all.is_empty(),
        "contracts are broken with released ones (proto/released):\n{}",
        all.join("\n")
    );
}

#[test]
fn the_catalogue_finds_the_schema_of_each_released_version() {
    assert!(events::RELEASED.is_sorted_by_key(|old| (old.ty, old.version)));
    for old in events::RELEASED {
        let found = events::Catalogue.schema(old.ty, old.version);
        let found = found.unwrap_or_else(|| panic!("{} version {}", old.ty, old.version));
        assert_eq!(found.full_name(), (old.schema)().full_name());
        assert!(events::released(old.ty).any(|known| known.version == old.version));
    }
    assert_eq!(events::released("order.vanished").count(), 0);
}

/// The types read by field and symbol as they are named: what Avro lets a reader rename or replace, they do not.
#[test]
fn no_schema_rests_on_what_the_types_cannot_do() {
    fn walk(schema: &Value, of: &str) {
        match schema {
            Value::Array(parts) => parts.iter().for_each(|part| walk(part, of)),
            Value::Object(object) => {
                assert!(!object.contains_key("aliases"), "{of}: aliases");
                let is_enum = object.get("type").is_some_and(|kind| kind == "enum");
                assert!(
                    !is_enum || !object.contains_key("default"),
                    "{of}: an enum's default"
                );
                object.values().for_each(|part| walk(part, of));
            }
            _ => {}
        }
    }
    for known in events::CATALOGUE {
        walk(
            &serde_json::from_str((known.schema)().json()).unwrap(),
            known.ty,
        );
    }
}
