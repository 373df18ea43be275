//! An Avro schema as a tree, for comparing two.

use std::collections::HashMap;

use serde_json::Value;

use crate::SchemaError;

/// A schema and the definitions in it.
pub(super) struct Model {
    pub(super) root: Type,
    named: HashMap<String, Named>,
}

/// A type where it is used.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Type {
    pub(super) shape: Shape,
    /// The logical type with what belongs to it, as `decimal(9,2)`.
    pub(super) logical: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array(Box<Type>),
    Map(Box<Type>),
    Union(Vec<Type>),
    /// A record, an enum or a fixed by its full name.
    Named(String),
}

pub(super) struct Named {
    pub(super) kind: Kind,
    /// Full names it also goes by when it reads.
    pub(super) aliases: Vec<String>,
}

pub(super) enum Kind {
    Record(Vec<Field>),
    Enum {
        symbols: Vec<String>,
        default: Option<String>,
    },
    Fixed(u64),
}

pub(super) struct Field {
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    pub(super) schema: Type,
    pub(super) has_default: bool,
}

impl Model {
    pub(super) fn parse(json: &str) -> Result<Self, SchemaError> {
        let value: Value =
            serde_json::from_str(json).map_err(|error| SchemaError::Schema(error.to_string()))?;
        let mut named = HashMap::new();
        let root = read(&value, "", &mut named)?;
        Ok(Self { root, named })
    }

    /// The definition of a name; a name without one is no schema, and has been refused.
    pub(super) fn named(&self, name: &str) -> Option<&Named> {
        self.named.get(name)
    }
}

fn invalid(what: impl Into<String>) -> SchemaError {
    SchemaError::Schema(what.into())
}

fn read(
    value: &Value,
    namespace: &str,
    named: &mut HashMap<String, Named>,
) -> Result<Type, SchemaError> {
    let shape = match value {
        Value::String(name) => by_name(name, namespace, named)?,
        Value::Array(branches) => {
            let branches = branches.iter().map(|branch| read(branch, namespace, named));
            Shape::Union(branches.collect::<Result<_, _>>()?)
        }
        Value::Object(object) => match object.get("type") {
            Some(Value::String(kind)) => defined(kind, value, namespace, named)?,
            Some(nested) => return read(nested, namespace, named),
            None => return Err(invalid(format!("{value} has no type"))),
        },
        other => return Err(invalid(format!("{other} is no type"))),
    };
    let logical = logical(value);
    Ok(Type { shape, logical })
}

fn by_name(
    name: &str,
    namespace: &str,
    named: &HashMap<String, Named>,
) -> Result<Shape, SchemaError> {
    Ok(match name {
        "null" => Shape::Null,
        "boolean" => Shape::Boolean,
        "int" => Shape::Int,
        "long" => Shape::Long,
        "float" => Shape::Float,
        "double" => Shape::Double,
        "bytes" => Shape::Bytes,
        "string" => Shape::String,
        name => {
            let full = full_name(name, namespace);
            if !named.contains_key(&full) {
                return Err(invalid(format!("{full} is not defined")));
            }
            Shape::Named(full)
        }
    })
}

fn defined(
    kind: &str,
    value: &Value,
    namespace: &str,
    named: &mut HashMap<String, Named>,
) -> Result<Shape, SchemaError> {
    match kind {
        "array" => Ok(Shape::Array(Box::new(read(
            &value["items"],
            namespace,
            named,
        )?))),
        "map" => Ok(Shape::Map(Box::new(read(
            &value["values"],
            namespace,
            named,
        )?))),
        "record" | "error" | "enum" | "fixed" => {
            let name = text(value, "name")?;
            let namespace = value["namespace"].as_str().unwrap_or(namespace);
            let full = full_name(name, namespace);
            let namespace = full.rsplit_once('.').map_or("", |(namespace, _)| namespace);
            let aliases = texts(&value["aliases"]);
            let aliases = aliases.iter().map(|alias| full_name(alias, namespace));
            let definition = |kind| Named {
                kind,
                aliases: aliases.clone().collect(),
            };
            // Known before its fields are read: they may speak of it.
            named.insert(full.clone(), definition(Kind::Record(Vec::new())));
            let kind = match kind {
                "enum" => Kind::Enum {
                    symbols: texts(&value["symbols"]),
                    default: value["default"].as_str().map(str::to_owned),
                },
                "fixed" => {
                    let size = value["size"].as_u64();
                    Kind::Fixed(size.ok_or_else(|| invalid(format!("{full} has no size")))?)
                }
                _ => Kind::Record(fields(value, namespace, named)?),
            };
            named.insert(full.clone(), definition(kind));
            Ok(Shape::Named(full))
        }
        name => by_name(name, namespace, named),
    }
}

fn fields(
    record: &Value,
    namespace: &str,
    named: &mut HashMap<String, Named>,
) -> Result<Vec<Field>, SchemaError> {
    let fields = record["fields"]
        .as_array()
        .ok_or_else(|| invalid("a record has no fields"))?;
    let field = |field: &Value| {
        Ok(Field {
            name: text(field, "name")?.to_owned(),
            aliases: texts(&field["aliases"]),
            schema: read(&field["type"], namespace, named)?,
            has_default: field.get("default").is_some(),
        })
    };
    fields.iter().map(field).collect()
}

fn logical(value: &Value) -> Option<String> {
    let name = value.get("logicalType")?.as_str()?;
    Some(match name {
        "decimal" => {
            let scale = value["scale"].as_u64().unwrap_or(0);
            format!("decimal({},{scale})", value["precision"])
        }
        name => name.to_owned(),
    })
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}.{name}")
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str, SchemaError> {
    value[key]
        .as_str()
        .ok_or_else(|| invalid(format!("{key} is missing in {value}")))
}

fn texts(value: &Value) -> Vec<String> {
    let texts = value.as_array().into_iter().flatten();
    texts.filter_map(Value::as_str).map(str::to_owned).collect()
}
