//! Each generated type reads and writes what apache-avro, the reference, writes and reads.

use std::collections::HashMap;

use apache_avro::{
    Schema,
    schema::{ArraySchema, EnumSchema, MapSchema, RecordSchema},
    types::Value,
};
use event_bus::Event;

/// A value of the schema: optional fields absent or present.
fn sample(schema: &Schema, present: bool) -> Value {
    match schema {
        Schema::Boolean => Value::Boolean(present),
        Schema::Long => Value::Long(1999),
        Schema::String => Value::String("Grüße".to_owned()),
        Schema::Uuid(_) => Value::Uuid(uuid::Uuid::from_u128(0x0191_0000_0000_7000_8000_0000_0000_0001)),
        Schema::TimestampMicros => Value::TimestampMicros(1_763_689_692_123_456),
        Schema::Enum(EnumSchema { symbols, .. }) => {
            let last = symbols.len() - 1;
            Value::Enum(u32::try_from(last).unwrap(), symbols[last].clone())
        }
        Schema::Array(ArraySchema { items, .. }) => {
            Value::Array(vec![sample(items, present), sample(items, !present)])
        }
        Schema::Map(MapSchema { types, .. }) => {
            Value::Map(HashMap::from([("locale".to_owned(), sample(types, present))]))
        }
        Schema::Union(union) => {
            let variant = usize::from(present);
            let inner = match &union.variants()[variant] {
                Schema::Null => Value::Null,
                some => sample(some, present),
            };
            Value::Union(u32::from(present), Box::new(inner))
        }
        Schema::Record(RecordSchema { fields, .. }) => Value::Record(
            fields
                .iter()
                .map(|field| (field.name.clone(), sample(&field.schema, present)))
                .collect(),
        ),
        other => panic!("no event uses {other:?}"),
    }
}

/// Named types are written out at their first use only; the sampler wants them everywhere.
fn flat(schema: &Schema) -> Schema {
    fn json(value: &serde_json::Value, seen: &mut HashMap<String, serde_json::Value>) -> serde_json::Value {
        use serde_json::Value as Json;
        match value {
            Json::String(name) => seen.get(name).cloned().unwrap_or_else(|| value.clone()),
            Json::Array(items) => items.iter().map(|item| json(item, seen)).collect(),
            Json::Object(object) => {
                let mut out: serde_json::Map<_, _> = object.clone();
                for key in ["type", "items", "fields"] {
                    if let Some(inner) = object.get(key) {
                        out.insert(key.to_owned(), json(inner, seen));
                    }
                }
                if let (Some(Json::String(space)), Some(Json::String(name))) = (object.get("namespace"), object.get("name")) {
                    seen.insert(format!("{space}.{name}"), Json::Object(out.clone()));
                }
                Json::Object(out)
            }
            _ => value.clone(),
        }
    }
    // Each copy needs a name of its own to be one schema.
    let text = serde_json::to_value(schema).unwrap();
    let mut out = json(&text, &mut HashMap::new());
    let mut count = 0;
    rename(&mut out, &mut count);
    Schema::parse(&out).unwrap()
}

fn rename(value: &mut serde_json::Value, count: &mut u32) {
    if let Some(items) = value.as_array_mut() {
        items.iter_mut().for_each(|item| rename(item, count));
    }
    if let Some(object) = value.as_object_mut() {
        if object.contains_key("namespace") {
            *count += 1;
            let name = format!("{}{count}", object["name"].as_str().unwrap());
            object.insert("name".to_owned(), name.into());
        }
        for key in ["type", "items", "fields"] {
            if let Some(inner) = object.get_mut(key) {
                rename(inner, count);
            }
        }
    }
}
