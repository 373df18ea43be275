//! Compatibility of schemas, with apache-avro as the oracle.
#![allow(missing_docs)]

use std::sync::LazyLock;

use apache_avro::{
    Schema,
    schema_compatibility::{Compatibility, SchemaCompatibility},
};
use event_bus_core::{AvroSchema, EventType, Scope, compatibility::faults};
use proptest::prelude::*;

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"Order","namespace":"shop","fields":[{fields}]}}"#)
}

fn cannot_read(reader: &str, writer: &str) -> Vec<String> {
    let parse = |fields| AvroSchema::parse(&record(fields)).unwrap();
    let found = parse(reader).cannot_read(&parse(writer)).unwrap();
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn each_broken_rule_names_its_field() {
    let cases = [
        // reader, writer, what is said
        (
            r#"{"name":"a","type":"int"}"#,
            "",
            "Order.a: the field is not written, and has no default",
        ),
        (
            r#"{"name":"a","type":"int"}"#,
            r#"{"name":"a","type":"long"}"#,
            "Order.a: long does not read as int",
        ),
        (
            r#"{"name":"a","type":"int"}"#,
            r#"{"name":"a","type":["null","int"]}"#,
            "Order.a: null does not read as int",
        ),
        (
            r#"{"name":"a","type":["null","int"]}"#,
            r#"{"name":"a","type":"string"}"#,
            "Order.a: string is none of [null, int]",
        ),
        (
            r#"{"name":"a","type":{"type":"enum","name":"E","symbols":["X"]}}"#,
            r#"{"name":"a","type":{"type":"enum","name":"E","symbols":["X","Y"]}}"#,
            "Order.a: symbol Y of shop.E is not known",
        ),
        (
            r#"{"name":"a","type":{"type":"enum","name":"E","symbols":["X"]}}"#,
            r#"{"name":"a","type":{"type":"enum","name":"F","symbols":["X"]}}"#,
            "Order.a: shop.F is not shop.E",
        ),
        (
            r#"{"name":"a","type":{"type":"fixed","name":"F","size":4}}"#,
            r#"{"name":"a","type":{"type":"fixed","name":"F","size":5}}"#,
            "Order.a: shop.F has 5 bytes, not 4",
        ),
        (
            r#"{"name":"a","type":{"type":"long","logicalType":"timestamp-millis"}}"#,
            r#"{"name":"a","type":{"type":"long","logicalType":"timestamp-micros"}}"#,
            "Order.a: timestamp-micros would be taken for timestamp-millis",
        ),
        (
            r#"{"name":"a","type":["null",{"type":"string","logicalType":"uuid"}]}"#,
            r#"{"name":"a","type":["null","string"]}"#,
            "Order.a: ",
        ),
        (
            r#"{"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[{"name":"b","type":"int"}]}}}"#,
            r#"{"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[]}}}"#,
            "Order.lines[].b: the field is not written",
        ),
        (
            r#"{"name":"m","type":["null",{"type":"map","values":"int"}]}"#,
            r#"{"name":"m","type":["null",{"type":"map","values":"string"}]}"#,
            "Order.m{}: string does not read as int",
        ),
    ];
    for (reader, writer, said) in cases {
        let found = cannot_read(reader, writer);
        assert!(
            found.len() == 1 && found[0].starts_with(said),
            "{said}: {found:?}"
        );
        assert!(found[0].contains("The mend: "));
    }
}

#[test]
fn what_resolves_is_not_complained_of() {
    let cases = [
        ("", r#"{"name":"gone","type":"int"}"#),
        (r#"{"name":"a","type":["null","int"],"default":null}"#, ""),
        (
            r#"{"name":"a","type":["null","int"]}"#,
            r#"{"name":"a","type":"int"}"#,
        ),
        (
            r#"{"name":"a","aliases":["b"],"type":"int"}"#,
            r#"{"name":"b","type":"int"}"#,
        ),
        (
            r#"{"name":"a","type":{"type":"enum","name":"E","symbols":["X"],"default":"X"}}"#,
            r#"{"name":"a","type":{"type":"enum","name":"E","symbols":["X","Y"]}}"#,
        ),
        // A list that is made of itself ends.
        (
            r#"{"name":"next","type":["null","Order"]}"#,
            r#"{"name":"next","type":["null","shop.Order"]}"#,
        ),
    ];
    for (reader, writer) in cases {
        assert_eq!(cannot_read(reader, writer), [""; 0], "{reader} {writer}");
    }
}

#[test]
fn apache_avro_promotes_the_same_types() {
    let names = [
        "null", "boolean", "int", "long", "float", "double", "bytes", "string",
    ];
    for reader in names {
        for writer in names {
            let field = |name| format!(r#"{{"name":"a","type":"{name}"}}"#);
            let theirs = |name| Schema::parse_str(&record(&field(name))).unwrap();
            let judged = SchemaCompatibility::can_read(&theirs(writer), &theirs(reader)).is_ok();
            let found = cannot_read(&field(reader), &field(writer));
            assert_eq!(found.is_empty(), judged, "{writer} as {reader}");
        }
    }
}

fn field_type() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "int", "long", "float", "double", "string", "bytes", "boolean"
        ])
        .prop_map(|name| format!("\"{name}\"")),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            inner
                .clone()
                .prop_map(|items| format!(r#"{{"type":"array","items":{items}}}"#)),
            inner.prop_map(|values| format!(r#"{{"type":"map","values":{values}}}"#)),
        ]
    })
}

fn fields() -> impl Strategy<Value = String> {
    let field = |name: &'static str| {
        let symbols = prop::sample::subsequence(vec!["X", "Y", "Z"], 1..3);
        prop::option::weighted(0.8, (field_type(), any::<bool>(), symbols, 0..4u8)).prop_map(move |field| {
            let (plain, optional, symbols, kind) = field?;
            let symbols = symbols.join("\",\"");
            let plain = match kind {
                0 => format!(r#"{{"type":"enum","name":"E{name}","symbols":["{symbols}"]}}"#),
                1 => format!(
                    r#"{{"type":"record","name":"R{name}","fields":[{{"name":"of","type":{plain}}}]}}"#
                ),
                _ => plain,
            };
            Some(if optional {
                format!(r#"{{"name":"{name}","type":["null",{plain}],"default":null}}"#)
            } else {
                format!(r#"{{"name":"{name}","type":{plain}}}"#)
            })
        })
    };
    (field("a"), field("b"), field("c")).prop_map(|(a, b, c)| {
        let present: Vec<String> = [a, b, c].into_iter().flatten().collect();
        present.join(",")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn apache_avro_judges_alike(reader in fields(), writer in fields()) {
        let theirs = |fields: &str| Schema::parse_str(&record(fields)).unwrap();
        let judged = SchemaCompatibility::can_read(&theirs(&writer), &theirs(&reader));
        let found = cannot_read(&reader, &writer);
        let is_full = matches!(judged, Ok(Compatibility::Full));
        prop_assert_eq!(found.is_empty(), is_full, "{:?} {:?}", found, judged);
    }
}

fn event(version: u32, schema: fn() -> &'static AvroSchema) -> EventType {
    EventType {
        ty: "order.placed",
        topic: "order.events",
        aggregate: "order",
        scope: Scope::Platform,
        version,
        schema,
    }
}

fn plain() -> &'static AvroSchema {
    static SCHEMA: LazyLock<AvroSchema> =
        LazyLock::new(|| AvroSchema::parse(&record(r#"{"name":"a","type":"int"}"#)).unwrap());
    &SCHEMA
}

fn documented() -> &'static AvroSchema {
    static SCHEMA: LazyLock<AvroSchema> = LazyLock::new(|| {
        AvroSchema::parse(&record(r#"{"name":"a","type":"int","doc":"What it is."}"#)).unwrap()
    });
    &SCHEMA
}

fn grown() -> &'static AvroSchema {
    static SCHEMA: LazyLock<AvroSchema> = LazyLock::new(|| {
        let fields =
            r#"{"name":"a","type":"int"},{"name":"b","type":["null","int"],"default":null}"#;
        AvroSchema::parse(&record(fields)).unwrap()
    });
    &SCHEMA
}

fn demanding() -> &'static AvroSchema {
    static SCHEMA: LazyLock<AvroSchema> = LazyLock::new(|| {
        AvroSchema::parse(&record(
            r#"{"name":"a","type":"int"},{"name":"b","type":"int"}"#,
        ))
        .unwrap()
    });
    &SCHEMA
}

#[test]
fn a_type_keeps_faith_with_its_released_versions() {
    let released = [event(1, plain)];
    let faults = |now: EventType| faults(&now, &released).unwrap();

    assert_eq!(faults(event(1, plain)), [""; 0]);
    assert_eq!(
        faults(event(1, documented)),
        [""; 0],
        "words are not the contract"
    );
    assert_eq!(faults(event(2, grown)), [""; 0]);

    let silent = faults(event(1, grown));
    assert_eq!(
        silent,
        [
            "shop.Order (order.placed) version 1, compared with the released version 1: the schema changed and its \
          version did not. The mend: x-version is 2"
        ]
    );
    let hard = faults(event(2, demanding));
    assert_eq!(hard.len(), 1);
    assert!(
        hard[0].contains("cannot read what was written: Order.b: the field is not written"),
        "{hard:?}"
    );
    let back = faults(event(0, plain));
    assert!(back[0].contains("a version goes only up"), "{back:?}");

    let dropped =
        event_bus_core::compatibility::faults(&event(3, plain), &[event(2, demanding)]).unwrap();
    assert!(
        dropped[0].contains("what it writes cannot be read: Order.b: the field is not written"),
        "{dropped:?}"
    );
}
