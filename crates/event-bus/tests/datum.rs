//! The bytes of data, and which Rust types are written and read.
#![allow(missing_docs)]

use std::{collections::BTreeMap, fmt};

use event_bus::AvroSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// Every kind of type that events have, and some more.
const SHIPMENT: &str = r#"{"type":"record","name":"Shipment","namespace":"shop","fields":[
    {"name":"id","type":{"type":"string","logicalType":"uuid"}},
    {"name":"parent","type":["null",{"type":"string","logicalType":"uuid"}],"default":null},
    {"name":"note","type":["string","null"],"default":"x"},
    {"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},
    {"name":"total","type":{"type":"record","name":"Money","fields":[
        {"name":"amount","type":"long"},{"name":"currency","type":"string"}]}},
    {"name":"fee","type":["null","Money"],"default":null},
    {"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[
        {"name":"price","type":"shop.Money"},{"name":"pieces","type":"int"},
        {"name":"weight","type":"double"},{"name":"share","type":"float"}]}}},
    {"name":"labels","type":{"type":"map","values":"long"}},
    {"name":"carrier","type":{"type":"enum","name":"Carrier","symbols":["POST","BIKE"]}},
    {"name":"second","type":["null","Carrier"],"default":null},
    {"name":"tried","type":{"type":"array","items":["null","Carrier"]}},
    {"name":"raw","type":"bytes"},
    {"name":"seal","type":["null","bytes"],"default":null},
    {"name":"hash","type":{"type":"fixed","name":"Hash","size":4}},
    {"name":"count","type":"long"},
    {"name":"left","type":"long"},
    {"name":"small","type":"int"},
    {"name":"paid","type":"boolean"}]}"#;

/// What `serde_avro_fast` 2.1, the codec of earlier versions, wrote for [`shipment`].
const FULL: &str = "4830303030303030302d303030302d303030302d303030302d3030303030303030303034640248303030303030303\
    02d303030302d303030302d303030302d303030303030303030303038000e4772c3bcc39f65ffffffffffffffffff01090645555202090645\
    5552060906455552ffffffff0f000000000000f83f000020c00906455552ffffffff0f000000000000f83f000020c00906455552ffffffff0\
    f000000000000f83f000020c000040261020262feffffffffffffffff010002020004000202000400ff020201010203048080808080400e90\
    0301";
const EMPTY: &str = "4830303030303030302d303030302d303030302d303030302d3030303030303030303034640002fffffffffffffff\
    fff010906455552000000020004000202000400ff00010203048080808080400e900300";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Parcel {
    id: Uuid,
    parent: Option<Uuid>,
    note: Option<String>,
    at: i64,
    total: Cash,
    fee: Option<Cash>,
    lines: Vec<Line>,
    labels: BTreeMap<String, i64>,
    carrier: Carrier,
    second: Option<Carrier>,
    tried: Vec<Option<Carrier>>,
    raw: Raw,
    seal: Option<Raw>,
    hash: Raw,
    count: u64,
    left: u64,
    small: u8,
    paid: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Cash {
    amount: i64,
    currency: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    price: Cash,
    pieces: i32,
    weight: f64,
    share: f32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Carrier {
    Post,
    Bike,
}

/// Bytes, as `serde_bytes` has them.
#[derive(Clone, Debug, PartialEq)]
struct Raw(Vec<u8>);

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl de::Visitor<'_> for Bytes {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Raw, E> {
                Ok(Raw(bytes.to_vec()))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

/// A value with everything in it, or with what may be missing left out.
fn shipment(full: bool) -> Parcel {
    let cash = Cash {
        amount: -5,
        currency: "EUR".to_owned(),
    };
    let line = Line {
        price: cash.clone(),
        pieces: i32::MIN,
        weight: 1.5,
        share: -2.5,
    };
    let labels = [("a".to_owned(), 1), ("b".to_owned(), i64::MAX)];
    Parcel {
        id: Uuid::from_u128(77),
        parent: full.then(|| Uuid::from_u128(8)),
        note: full.then(|| "Grüße".to_owned()),
        at: i64::MIN,
        total: cash.clone(),
        fee: full.then_some(cash),
        lines: if full { vec![line; 3] } else { Vec::new() },
        labels: BTreeMap::from_iter(labels.into_iter().filter(|_| full)),
        carrier: Carrier::Bike,
        second: full.then_some(Carrier::Post),
        tried: vec![None, Some(Carrier::Bike)],
        raw: Raw(vec![0, 255]),
        seal: full.then(|| Raw(vec![1])),
        hash: Raw(vec![1, 2, 3, 4]),
        count: 1 << 40,
        left: 7,
        small: 200,
        paid: full,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn schema(fields: &str) -> AvroSchema {
    let schema = format!(r#"{{"type":"record","name":"A","fields":[{fields}]}}"#);
    AvroSchema::parse(&schema).unwrap()
}

#[test]
fn the_bytes_are_those_of_earlier_versions() {
    let schema = AvroSchema::parse(SHIPMENT).unwrap();
    for (full, bytes) in [(true, FULL), (false, EMPTY)] {
        let datum = schema.encode(&shipment(full)).unwrap();
        assert_eq!(hex(&datum), bytes);
        assert_eq!(schema.decode::<Parcel>(&datum).unwrap(), shipment(full));
    }
}

#[test]
fn fields_are_written_in_the_order_of_the_schema_whatever_that_of_the_type() {
    #[derive(Serialize)]
    struct Turned {
        paid: bool,
        lines: Vec<TurnedLine>,
        name: &'static str,
    }
    #[derive(Serialize)]
    struct TurnedLine {
        pieces: i32,
        product: &'static str,
    }
    let line = r#"{"type":"record","name":"L","fields":[{"name":"product","type":"string"},{"name":"pieces","type":"int"}]}"#;
    let schema = schema(&format!(
        r#"{{"name":"name","type":"string"}},{{"name":"paid","type":"boolean"}},
           {{"name":"lines","type":{{"type":"array","items":{line}}}}},{{"name":"more","type":["null","int"],"default":null}}"#
    ));
    let turned = Turned {
        paid: true,
        lines: vec![TurnedLine {
            pieces: 3,
            product: "b",
        }],
        name: "a",
    };
    for _ in 0..2 {
        assert_eq!(
            hex(&schema.encode(&turned).unwrap()),
            "0261010202620600".to_owned() + "00"
        );
    }
}

#[test]
fn a_number_reads_as_any_type_it_fits() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Wide {
        a: i64,
        b: f64,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Narrow {
        a: u8,
        b: Option<f32>,
    }
    let schema = schema(r#"{"name":"a","type":"int"},{"name":"b","type":"long"}"#);
    let datum = [14, 16];
    assert_eq!(
        schema.decode::<Wide>(&datum).unwrap(),
        Wide { a: 7, b: 8.0 }
    );
    let narrow = Narrow { a: 7, b: Some(8.0) };
    assert_eq!(schema.decode::<Narrow>(&datum).unwrap(), narrow);
    let negative = schema.decode::<Narrow>(&[13, 16]).unwrap_err();
    assert!(negative.to_string().contains("-7"), "{negative}");
}

#[test]
#[cfg(not(feature = "fast-avro"))]
fn a_newtype_is_what_is_in_it() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct OrderId(Uuid);
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Amount(i64);
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Paid {
        id: OrderId,
        before: Option<OrderId>,
        amounts: Vec<Amount>,
    }
    let schema = schema(
        r#"{"name":"id","type":"string"},{"name":"before","type":["null","string"]},
           {"name":"amounts","type":{"type":"array","items":"long"}}"#,
    );
    let paid = Paid {
        id: OrderId(Uuid::from_u128(1)),
        before: Some(OrderId(Uuid::from_u128(2))),
        amounts: vec![Amount(3)],
    };
    let datum = schema.encode(&paid).unwrap();
    assert_eq!(schema.decode::<Paid>(&datum).unwrap(), paid);
}

#[test]
fn an_error_names_what_is_wrong_and_not_the_whole_schema() {
    let schema = AvroSchema::parse(SHIPMENT).unwrap();
    let encoding = schema.encode(&BTreeMap::from([("id", 5)])).unwrap_err();
    let decoding = schema
        .decode::<BTreeMap<String, i64>>(&[2, b'x'])
        .unwrap_err();
    for error in [encoding.to_string(), decoding.to_string()] {
        assert!(error.contains("shop.Shipment"), "{error}");
        assert!(error.len() < 200, "{error}");
    }
    assert!(encoding.to_string().contains("id"), "{encoding}");
}

#[test]
fn elements_without_bytes_are_counted_over_all_arrays() {
    let schema =
        schema(r#"{"name":"a","type":{"type":"array","items":{"type":"array","items":"null"}}}"#);
    #[derive(Debug, Deserialize)]
    struct Nothing {
        a: Vec<Vec<()>>,
    }
    // An array of `count` arrays, each of 900,000 nulls in four bytes.
    let datum = |count: u8| {
        let inner = [0xc0, 0xee, 0x6d, 0x00].repeat(usize::from(count));
        [&[count << 1][..], &inner, &[0]].concat()
    };
    let one = schema.decode::<Nothing>(&datum(1)).unwrap();
    assert_eq!(one.a[0].len(), 900_000);
    if cfg!(not(feature = "fast-avro")) {
        let error = schema.decode::<Nothing>(&datum(2)).unwrap_err();
        assert!(error.to_string().contains("1000000 elements"), "{error}");
    }
}

#[test]
fn what_is_reserved_before_it_is_read_is_bounded() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Text {
        a: String,
    }
    let text = schema(r#"{"name":"a","type":"string"}"#);
    // A text of 2^40 bytes.
    assert!(
        text.decode::<Text>(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x40])
            .is_err()
    );
    let fixed = r#"{"type":"record","name":"A","fields":[{"name":"a","type":{"type":"fixed","name":"F","size":1099511627776}}]}"#;
    assert!(AvroSchema::parse(fixed).is_err());
}
