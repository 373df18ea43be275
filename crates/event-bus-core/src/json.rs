//! Any Avro datum as JSON, for showing.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// A JSON value that also takes bytes, as base64.
#[derive(Clone, Debug, PartialEq)]
pub struct AnyJson(pub Value);

impl<'de> Deserialize<'de> for AnyJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor).map(Self)
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_bytes<E: de::Error>(self, value: &[u8]) -> Result<Value, E> {
        Ok(Value::String(STANDARD.encode(value)))
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(AnyJson(value)) = seq.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, AnyJson(value))) = map.next_entry::<String, AnyJson>()? {
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AvroSchema;

    #[test]
    fn every_type_of_avro_has_a_form_in_json() {
        let schema = r#"{"type":"record","name":"A","fields":[
            {"name":"nothing","type":"null"},{"name":"yes","type":"boolean"},{"name":"int","type":"int"},
            {"name":"long","type":"long"},{"name":"float","type":"float"},{"name":"double","type":"double"},
            {"name":"bytes","type":"bytes"},{"name":"fixed","type":{"type":"fixed","name":"F","size":2}},
            {"name":"text","type":"string"},{"name":"id","type":{"type":"string","logicalType":"uuid"}},
            {"name":"list","type":{"type":"array","items":["null","int","string"]}},
            {"name":"map","type":{"type":"map","values":{"type":"enum","name":"E","symbols":["ONE","TWO"]}}},
            {"name":"again","type":["null","A"]}]}"#;
        let inner = b"\x01\x02\x03\0\0\0\x3f\0\0\0\0\0\0\xf0\x3f\x02\xff\x01\x02\x04hi\x02x\x06\0\x02\x0e\x04\x02y\0\x02\x02k\x02\0";
        let datum = [&inner[..], &[2], inner, &[0]].concat();
        let AnyJson(json) = AvroSchema::parse(schema).unwrap().decode(&datum).unwrap();
        let mut expected = serde_json::json!({
            "nothing": null, "yes": true, "int": 1, "long": -2, "float": 0.5, "double": 1.0, "bytes": "/w==",
            "fixed": "AQI=", "text": "hi", "id": "x", "list": [null, 7, "y"], "map": {"k": "TWO"}, "again": null,
        });
        expected["again"] = expected.clone();
        assert_eq!(json, expected);
    }
}
