//! The codec against apache-avro as the oracle.
#![allow(missing_docs)]

use std::collections::BTreeMap;

use apache_avro::{
    Schema, from_value, reader::datum::GenericDatumReader, types::Value,
    writer::datum::GenericDatumWriter,
};
use event_bus_core::AvroSchema;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const WRITER: &str = r#"{"type":"record","name":"Order","namespace":"shop","fields":[
    {"name":"buyerId","type":{"type":"string","logicalType":"uuid"}},
    {"name":"placedAt","type":{"type":"long","logicalType":"timestamp-micros"}},
    {"name":"note","type":["null","string"],"default":null},
    {"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[
        {"name":"product","type":"string"},{"name":"quantity","type":"int"},{"name":"weight","type":"double"}]}}},
    {"name":"labels","type":{"type":"map","values":"long"}},
    {"name":"gateway","type":{"type":"enum","name":"Gateway","symbols":["TEST","CARD"]}},
    {"name":"paid","type":"boolean"}]}"#;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    buyer_id: Uuid,
    placed_at: i64,
    note: Option<String>,
    lines: Vec<Line>,
    labels: BTreeMap<String, i64>,
    gateway: Gateway,
    paid: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    product: String,
    quantity: i32,
    weight: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Gateway {
    Test,
    Card,
}

prop_compose! {
    fn order()(
        buyer_id in any::<u128>().prop_map(Uuid::from_u128),
        placed_at in any::<i64>(),
        note in prop::option::of(".{0,20}"),
        lines in prop::collection::vec((".{0,9}", any::<i32>(), -1e12..1e12f64), 0..5),
        labels in prop::collection::btree_map("[a-z]{1,5}", any::<i64>(), 0..2),
        card in any::<bool>(),
        paid in any::<bool>(),
    ) -> Order {
        let lines = lines.into_iter().map(|(product, quantity, weight)| Line { product, quantity, weight });
        let gateway = if card { Gateway::Card } else { Gateway::Test };
        Order { buyer_id, placed_at, note, lines: lines.collect(), labels, gateway, paid }
    }
}

fn schemas() -> (AvroSchema, Schema) {
    (
        AvroSchema::parse(WRITER).unwrap(),
        Schema::parse_str(WRITER).unwrap(),
    )
}

fn their_reading(writer: &Schema, reader: Option<&Schema>, mut datum: &[u8]) -> Value {
    let reading = GenericDatumReader::builder(writer)
        .maybe_reader_schema(reader)
        .build();
    reading.unwrap().read_value(&mut datum).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn our_datum_reads_through_apache_avro(order in order()) {
        let (ours, theirs) = schemas();
        let datum = ours.encode(&order).unwrap();
        let value = their_reading(&theirs, None, &datum);
        prop_assert_eq!(from_value::<Order>(&value).unwrap(), order);
    }

    #[test]
    fn apache_avros_datum_reads_through_us_and_is_the_same_bytes(order in order()) {
        let (ours, theirs) = schemas();
        let writer = GenericDatumWriter::builder(&theirs).human_readable(true).build().unwrap();
        let datum = writer.write_ser_to_vec(&order).unwrap();
        prop_assert_eq!(&ours.decode::<Order>(&datum).unwrap(), &order);
        prop_assert_eq!(ours.encode(&order).unwrap(), datum);
    }

    #[test]
    fn damaged_bytes_are_an_error_or_another_value_and_never_a_panic(order in order(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (ours, _) = schemas();
        let mut datum = ours.encode(&order).unwrap();
        let index = at.index(datum.len());
        datum[index] = byte;
        let _ = ours.decode::<Order>(&datum);
        prop_assert!(ours.decode::<Order>(&datum[..index]).is_err());
    }
}

/// What an older reader and a newer reader make of the writer's datum.
#[test]
fn fields_may_come_and_go_between_writer_and_reader() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Reader {
        paid: bool,
        #[serde(default = "unknown")]
        currency: String,
        #[serde(default)]
        coupon: Option<String>,
    }
    fn unknown() -> String {
        "EUR".to_owned()
    }
    let (ours, theirs) = schemas();
    let order = Order {
        buyer_id: Uuid::nil(),
        placed_at: 1,
        note: None,
        lines: Vec::new(),
        labels: BTreeMap::new(),
        gateway: Gateway::Test,
        paid: true,
    };
    let datum = ours.encode(&order).unwrap();

    let read: Reader = ours.decode(&datum).unwrap();

    let reader = r#"{"type":"record","name":"Order","namespace":"shop","fields":[
        {"name":"paid","type":"boolean"},{"name":"currency","type":"string","default":"EUR"},
        {"name":"coupon","type":["null","string"],"default":null}]}"#;
    let reader = Schema::parse_str(reader).unwrap();
    let value = their_reading(&theirs, Some(&reader), &datum);
    assert_eq!(read, from_value::<Reader>(&value).unwrap());
}

#[test]
fn what_is_no_schema_or_does_not_fit_is_named() {
    assert!(AvroSchema::parse("{").is_err());
    assert!(
        AvroSchema::parse(r#""long""#).is_err(),
        "a root without a name has no subject"
    );
    let (ours, _) = schemas();
    assert_eq!(ours.full_name(), "shop.Order");
    let error = ours
        .encode(&serde_json::json!({"paid": "yes"}))
        .unwrap_err();
    assert!(error.to_string().contains("shop.Order"), "{error}");
    let mut datum = ours
        .encode(&Order {
            buyer_id: Uuid::nil(),
            placed_at: 0,
            note: None,
            lines: Vec::new(),
            labels: BTreeMap::new(),
            gateway: Gateway::Card,
            paid: false,
        })
        .unwrap();
    datum.push(0);
    assert!(
        ours.decode::<Order>(&datum)
            .unwrap_err()
            .to_string()
            .contains("left over")
    );
}

/// An array of a billion nulls is four bytes.
#[test]
fn a_small_datum_cannot_ask_for_much() {
    #[derive(Deserialize)]
    struct Bomb {
        #[allow(dead_code)]
        nothing: Vec<()>,
    }
    let schema = AvroSchema::parse(
        r#"{"type":"record","name":"Bomb","fields":[{"name":"nothing","type":{"type":"array","items":"null"}}]}"#,
    ).unwrap();
    let zigzag = [0x80, 0xa8, 0xd6, 0xb9, 0x07, 0x00];
    assert!(schema.decode::<Bomb>(&zigzag).is_err());
}

/// Nearly a schema, or anything.
fn nearly_a_schema() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "null",
            "int",
            "string",
            "bytes",
            "record",
            "enum",
            "fixed",
            "array",
            "map",
            "Order",
            "shop.Order",
            ""
        ])
        .prop_map(|name| serde_json::json!(name)),
        any::<i64>().prop_map(|number| serde_json::json!(number)),
        Just(serde_json::Value::Null),
    ];
    let key = prop::sample::select(vec![
        "type",
        "name",
        "namespace",
        "fields",
        "symbols",
        "size",
        "items",
        "values",
        "default",
        "logicalType",
        "precision",
        "scale",
        "aliases",
        "doc",
    ]);
    let json = leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
            prop::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|map| serde_json::json!(map)),
        ]
    });
    json.prop_map(|mut json| {
        if let Some(object) = json.as_object_mut() {
            object.entry("type").or_insert("record".into());
            object.entry("name").or_insert("Order".into());
            object.entry("fields").or_insert(serde_json::json!([]));
        }
        json.to_string()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_schema_or_an_error(text in prop_oneof![".{0,60}", nearly_a_schema()], datum in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(schema) = AvroSchema::parse(&text) {
            let _ = schema.decode::<serde_json::Value>(&datum);
            let _ = schema.cannot_read(&schema);
        }
    }

    #[test]
    fn any_bytes_are_a_datum_or_an_error(datum in prop::collection::vec(any::<u8>(), 0..200)) {
        let (ours, _) = schemas();
        let _ = ours.decode::<Order>(&datum);
        let _ = ours.decode::<serde_json::Value>(&datum);
    }
}

/// A record that holds itself has no end, and no bytes either.
#[test]
fn a_schema_without_an_end_reads_nothing_and_stops() {
    let endless = r#"{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}"#;
    if let Ok(schema) = AvroSchema::parse(endless) {
        assert!(schema.decode::<serde_json::Value>(&[]).is_err());
        assert!(schema.cannot_read(&schema).unwrap().is_empty());
    }
    let nested = r#"{"type":"record","name":"R","fields":[{"name":"r","type":["null","R"]}]}"#;
    let schema = AvroSchema::parse(nested).unwrap();
    assert!(
        schema
            .decode::<serde_json::Value>(&vec![2; 100_000])
            .is_err()
    );
}
