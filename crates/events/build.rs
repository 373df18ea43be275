//! Turns the contracts in `proto/` into Rust.
//!
//! Each `.avsc` file defines one named type and refers to others by their full name. The name's
//! namespace is the Rust module: `tenantry.order.OrderCreated` becomes `events::order::OrderCreated`.
//! `rsgen-avro` writes structs and enums; this script decides the types of ids, times and references
//! (so that `Money` is one type, wherever it is used) and adds what the catalogue knows of an event.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use rsgen_avro::{FieldOverride, Generator, Schema, Source, apache_avro::schema::Name};
use serde_json::{Map, Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
/// Every definition in `proto/` by its full name.
type Definitions = BTreeMap<String, Value>;

const ROOT_NAMESPACE: &str = "tenantry";
/// The folder in `proto/` of what was released.
const RELEASED: &str = "released";

fn main() -> Result<()> {
    let proto = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo::rerun-if-changed={}", proto.display());
    let definitions = read_definitions(&proto)?;

    let mut modules: BTreeMap<String, String> = BTreeMap::new();
    let mut catalogue = BTreeMap::new();
    for (full_name, definition) in &definitions {
        let code = modules.entry(module_of(full_name)).or_default();
        code.push_str(&rust_type(full_name, definition)?);
        if let Some(event_type) = definition.get("x-type").and_then(Value::as_str) {
            code.push_str(&event_impl(full_name, definition, &definitions)?);
            catalogue.insert(event_type, path_of(full_name));
        }
    }

    let mut out = String::new();
    for (module, code) in modules {
        if module.is_empty() {
            out.push_str(&code);
        } else {
            writeln!(
                out,
                "/// The events of `{module}.events` and the types in them."
            )?;
            writeln!(out, "pub mod {module} {{\n{code}\n}}")?;
        }
    }
    out.push_str("/// Every type of event there is, by name.\n");
    out.push_str("pub const CATALOGUE: &[event_bus_core::EventType] = &[\n");
    for path in catalogue.values() {
        writeln!(out, "    event_bus_core::EventType::of::<{path}>(),")?;
    }
    out.push_str("];\n");
    out.push_str(&released(&proto.join(RELEASED), &definitions)?);
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("events.rs"), out)?;
    Ok(())
}

fn read_definitions(proto: &Path) -> Result<Definitions> {
    let mut definitions = Definitions::new();
    for folder in fs::read_dir(proto)? {
        let folder = folder?.path();
        if !folder.is_dir() || folder.ends_with(RELEASED) {
            continue;
        }
        for file in fs::read_dir(folder)? {
            let file = file?.path();
            if file.extension().is_none_or(|extension| extension != "avsc") {
                continue;
            }
            println!("cargo::rerun-if-changed={}", file.display());
            let definition: Value = serde_json::from_str(&fs::read_to_string(&file)?)
                .map_err(|error| format!("{}: {error}", file.display()))?;
            let full_name = format!(
                "{}.{}",
                text(&definition, "namespace")?,
                text(&definition, "name")?
            );
            if definitions.insert(full_name.clone(), definition).is_some() {
                return Err(format!("{full_name} is defined twice").into());
            }
        }
    }
    Ok(definitions)
}

/// The list of released versions: `released/<full name>/<version>.avsc`, each a schema that stands by itself.
fn released(folder: &Path, definitions: &Definitions) -> Result<String> {
    let mut list = String::from(
        "/// Every version of a type that was ever released, by type and version.\n\
         pub const RELEASED: &[event_bus_core::EventType] = &[\n",
    );
    let mut known = BTreeMap::new();
    for folder in fs::read_dir(folder).into_iter().flatten() {
        let folder = folder?.path();
        println!("cargo::rerun-if-changed={}", folder.display());
        let full_name = folder.file_name().and_then(|name| name.to_str());
        let full_name = full_name.ok_or("a released schema has no name")?;
        let definition = definitions.get(full_name).ok_or_else(|| {
            format!(
                "{full_name} was released and is in proto/ no more. Records of it lie in logs and outboxes. \
                 The mend: keep its schema, and stop publishing it"
            )
        })?;
        for file in fs::read_dir(&folder)? {
            let file = file?.path();
            println!("cargo::rerun-if-changed={}", file.display());
            let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
            let version = file.file_stem().and_then(|stem| stem.to_str());
            let version: u32 = version
                .and_then(|version| version.parse().ok())
                .ok_or_else(|| wrong(&"is called <version>.avsc"))?;
            let schema: Value =
                serde_json::from_str(&fs::read_to_string(&file)?).map_err(|error| wrong(&error))?;
            Schema::parse_str(&schema.to_string()).map_err(|error| wrong(&error))?;
            let ty = text(definition, "x-type")?.to_owned();
            let code = released_version(&ty, version, &path_of(full_name), &schema);
            known.insert((ty, version), code);
        }
    }
    list.extend(known.into_values());
    list.push_str("];\n");
    Ok(list)
}

/// One released version: where its events travel is what the type says today.
fn released_version(ty: &str, version: u32, path: &str, schema: &Value) -> String {
    format!(
        r###"    event_bus_core::EventType {{
        version: {version},
        schema: || {{
            static SCHEMA: std::sync::LazyLock<event_bus_core::AvroSchema> = std::sync::LazyLock::new(|| {{
                event_bus_core::AvroSchema::parse(r##"{schema}"##).expect("the build script has parsed it")
            }});
            &SCHEMA
        }},
        ..event_bus_core::EventType::of::<{path}>()
    }}, // {ty}
"###
    )
}

/// The struct or enum of one definition, written by `rsgen-avro`.
fn rust_type(full_name: &str, definition: &Value) -> Result<String> {
    let mut plain = definition.clone();
    let mut overrides = Vec::new();
    if let Some(fields) = plain.get_mut("fields").and_then(Value::as_array_mut) {
        for field in fields {
            let Some(type_name) = type_of(&field["type"]) else {
                continue;
            };
            let is_option = type_name.starts_with("Option<");
            overrides.push(FieldOverride {
                schema: Name::new(full_name)?,
                field: text(field, "name")?.to_owned(),
                docstring: None,
                type_name: Some(type_name),
                implements_eq: Some(true),
                serde_with: None,
                default: is_option.then(|| "None".to_owned()),
            });
            // The type is decided above; what rsgen sees must only not lead it to generate it again.
            field["type"] = json!("string");
            field.as_object_mut().map(|field| field.remove("default"));
        }
    }
    let generator = Generator::builder().override_fields(overrides).build()?;
    let mut code = Vec::new();
    generator.generate(&Source::SchemaStr(&plain.to_string()), &mut code)?;
    let mut code = String::from_utf8(code)?;

    if let Some(symbols) = definition.get("symbols").and_then(Value::as_array) {
        let name = text(definition, "name")?;
        let mut arms = String::new();
        for symbol in symbols {
            let symbol = symbol.as_str().ok_or("a symbol is a string")?;
            let doc = text(&definition["x-symbols"], symbol)?;
            let rename = format!("    #[serde(rename = \"{symbol}\")]");
            if !code.contains(&rename) {
                return Err(format!("{full_name}: symbol {symbol} is not in upper case").into());
            }
            code = code.replace(&rename, &format!("    /// {doc}\n{rename}"));
            writeln!(arms, "            Self::{} => {symbol:?},", pascal(symbol))?;
        }
        writeln!(
            code,
            "impl {name} {{\n    /// The name on the wire.\n    pub const fn as_str(self) -> &'static str {{\n        \
             match self {{\n{arms}        }}\n    }}\n}}\n"
        )?;
    }
    Ok(code)
}

/// The Rust type of a field where `rsgen-avro`'s own choice is not ours.
fn type_of(schema: &Value) -> Option<String> {
    match schema {
        Value::String(name) if name.contains('.') => Some(format!("crate::{}", path_of(name))),
        Value::Object(object) => match object.get("logicalType").and_then(Value::as_str) {
            Some("uuid") => Some("uuid::Uuid".to_owned()),
            Some("timestamp-micros") => Some("crate::Timestamp".to_owned()),
            _ => Some(format!("Vec<{}>", type_of(object.get("items")?)?)),
        },
        Value::Array(union) => match union.as_slice() {
            [Value::String(null), some] if null == "null" => {
                Some(format!("Option<{}>", type_of(some)?))
            }
            _ => None,
        },
        _ => None,
    }
}

/// What the catalogue knows of an event, and its schema with every reference written out.
fn event_impl(full_name: &str, definition: &Value, definitions: &Definitions) -> Result<String> {
    let schema = written_out(definition, definitions, &mut BTreeSet::new()).to_string();
    Schema::parse_str(&schema).map_err(|error| format!("{full_name}: {error}"))?;
    let scope = match text(definition, "x-scope")? {
        "tenant" => "Tenant",
        "platform" => "Platform",
        other => return Err(format!("{full_name}: no scope is called {other}").into()),
    };
    let version = definition["x-version"]
        .as_u64()
        .ok_or_else(|| format!("{full_name}: x-version is a number"))?;
    let tenant_id = tenant_id(definition);
    Ok(format!(
        r###"impl event_bus_core::Event for {name} {{
    const TYPE: &'static str = {ty:?};
    const TOPIC: &'static str = {topic:?};
    const AGGREGATE: &'static str = {aggregate:?};
    const SCOPE: event_bus_core::Scope = event_bus_core::Scope::{scope};
    const VERSION: u32 = {version};

    fn schema() -> &'static event_bus_core::AvroSchema {{
        static SCHEMA: std::sync::LazyLock<event_bus_core::AvroSchema> = std::sync::LazyLock::new(|| {{
            event_bus_core::AvroSchema::parse(r##"{schema}"##).expect("the build script has parsed it")
        }});
        &SCHEMA
    }}
{tenant_id}}}

"###,
        name = text(definition, "name")?,
        ty = text(definition, "x-type")?,
        topic = text(definition, "x-topic")?,
        aggregate = text(definition, "x-aggregate")?,
    ))
}

/// How the payload says whose it is, for one with a field `tenantId`.
fn tenant_id(definition: &Value) -> String {
    let fields = definition["fields"].as_array();
    let field = fields
        .into_iter()
        .flatten()
        .find(|field| field["name"] == "tenantId");
    let found = match field.map(|field| field["type"].is_array()) {
        None => return String::new(),
        Some(true) => "self.tenant_id",
        Some(false) => "Some(self.tenant_id)",
    };
    format!("\n    fn tenant_id(&self) -> Option<uuid::Uuid> {{\n        {found}\n    }}\n")
}

/// The schema as it stands by itself: the first use of a name is replaced by its definition, and our
/// own attributes are gone.
fn written_out(schema: &Value, known: &Definitions, seen: &mut BTreeSet<String>) -> Value {
    match schema {
        Value::String(name) => match known.get(name) {
            Some(definition) if seen.insert(name.clone()) => written_out(definition, known, seen),
            _ => schema.clone(),
        },
        Value::Array(union) => union
            .iter()
            .map(|variant| written_out(variant, known, seen))
            .collect(),
        Value::Object(object) => {
            let mut out = Map::new();
            for (key, value) in object {
                let value = match key.as_str() {
                    own if own.starts_with("x-") => continue,
                    "type" | "items" | "values" | "fields" => written_out(value, known, seen),
                    _ => value.clone(),
                };
                out.insert(key.clone(), value);
            }
            Value::Object(out)
        }
        _ => schema.clone(),
    }
}

/// `tenantry.order.OrderCreated` is in module `order`, `tenantry.Money` at the root.
fn module_of(full_name: &str) -> String {
    let path = full_name.trim_start_matches(ROOT_NAMESPACE);
    match path.trim_start_matches('.').rsplit_once('.') {
        Some((module, _)) => module.to_owned(),
        None => String::new(),
    }
}

fn path_of(full_name: &str) -> String {
    full_name
        .trim_start_matches(ROOT_NAMESPACE)
        .trim_start_matches('.')
        .replace('.', "::")
}

fn pascal(symbol: &str) -> String {
    symbol
        .split('_')
        .flat_map(|word| [word[..1].to_owned(), word[1..].to_lowercase()])
        .collect()
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value
        .get(key)
        .and_then(Value::as_str)
        .ok_or_else(|| format!("{key} is missing in {value}").into())
}
