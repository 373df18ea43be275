//! The catalogue of topics and types as an `AsyncAPI` 3 document, for people and tools that do not read Rust.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{EventType, Scope, SubjectNaming, envelope::AVRO_CONTENT_TYPE};

/// The version of the Kafka bindings.
const BINDING: &str = "0.5.0";
/// How the payloads' schemas are written.
const SCHEMA_FORMAT: &str = "application/vnd.apache.avro;version=1.9.0";

/// What the document says of itself.
#[derive(Clone, Debug)]
pub struct Info<'a> {
    /// The product's name.
    pub title: &'a str,
    /// The version of the contracts, not of `AsyncAPI`.
    pub version: &'a str,
    /// What they are about, in `CommonMark`.
    pub description: &'a str,
    /// How the schemas are called in the registry.
    pub subject_naming: SubjectNaming,
}

/// The document: a channel for each topic, an operation for publishing and one for consuming it, a message for each type
/// with its headers in binary mode, its key and the Avro schema of its payload.
///
/// <https://www.asyncapi.com/docs/reference/specification/v3.0.0>
pub fn document(info: &Info<'_>, types: &[EventType]) -> Value {
    let mut topics: BTreeMap<&str, Vec<&EventType>> = BTreeMap::new();
    for known in types {
        topics.entry(known.topic).or_default().push(known);
    }
    let (mut channels, mut operations, mut messages) = (Map::new(), Map::new(), Map::new());
    for (topic, types) in topics {
        channels.insert(topic.to_owned(), channel(topic, &types));
        for (verb, action) in [("publish", "send"), ("consume", "receive")] {
            let operation = operation(topic, action, &types);
            operations.insert(format!("{verb}.{topic}"), operation);
        }
        for known in types {
            messages.insert(known.ty.to_owned(), message(known, info.subject_naming));
        }
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {"title": info.title, "version": info.version, "description": info.description},
        "defaultContentType": AVRO_CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": {"tenantHeaders": headers(Scope::Tenant), "platformHeaders": headers(Scope::Platform)},
        },
    })
}

fn channel(topic: &str, types: &[&EventType]) -> Value {
    let messages = types.iter().map(|known| {
        let reference = format!("#/components/messages/{}", known.ty);
        (known.ty.to_owned(), json!({"$ref": reference}))
    });
    json!({
        "address": topic,
        "description": "Events of one key are in one partition, in the order in which they happened.",
        "messages": messages.collect::<Map<_, _>>(),
        "bindings": {"kafka": {"topic": topic, "bindingVersion": BINDING}},
    })
}

fn operation(topic: &str, action: &str, types: &[&EventType]) -> Value {
    let messages = types
        .iter()
        .map(|known| json!({"$ref": format!("#/channels/{topic}/messages/{}", known.ty)}));
    json!({
        "action": action,
        "channel": {"$ref": format!("#/channels/{topic}")},
        "messages": messages.collect::<Vec<_>>(),
    })
}

fn message(known: &EventType, naming: SubjectNaming) -> Value {
    let avro = (known.schema)();
    let schema: Value = serde_json::from_str(avro.json()).unwrap_or_default();
    let (headers, key) = match known.scope {
        Scope::Tenant => ("tenantHeaders", "The tenant's id."),
        Scope::Platform => ("platformHeaders", "The subject: the aggregate's id."),
    };
    let strategy = match naming {
        SubjectNaming::TopicRecordName => "TopicRecordNameStrategy",
        SubjectNaming::RecordName => "RecordNameStrategy",
        SubjectNaming::TopicName => "TopicNameStrategy",
    };
    let mut message = json!({
        "name": known.ty,
        "title": avro.full_name(),
        "contentType": AVRO_CONTENT_TYPE,
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "headers": {"allOf": [
            {"$ref": format!("#/components/schemas/{headers}")},
            {"properties": {
                "ce_type": {"const": known.ty},
                "ce_aggregatetype": {"const": known.aggregate},
                "ce_dataversion": {"const": known.version.to_string()},
            }},
        ]},
        "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": schema},
        "bindings": {"kafka": {
            "key": {"type": "string", "description": key},
            "schemaIdLocation": "payload",
            "schemaIdPayloadEncoding": "confluent",
            "schemaLookupStrategy": strategy,
            "bindingVersion": BINDING,
        }},
    });
    if let Some(doc) = schema.get("doc") {
        message["summary"] = doc.clone();
    }
    message
}

/// The headers of an event in binary mode, each a string in UTF-8.
fn headers(scope: Scope) -> Value {
    let always = [
        ("ce_specversion", json!({"const": "1.0"})),
        (
            "ce_id",
            text("The event's id; the same id is the same event.", "uuid"),
        ),
        ("ce_type", json!({"description": "The type of event."})),
        ("ce_source", text("Who says so.", "uri-reference")),
        ("ce_time", text("When it happened.", "date-time")),
        ("ce_subject", json!({"description": "The aggregate's id."})),
        (
            "ce_aggregatetype",
            json!({"description": "What kind of thing the subject names."}),
        ),
        (
            "ce_correlationid",
            text(
                "Shared by everything that follows from one request.",
                "uuid",
            ),
        ),
        (
            "ce_dataversion",
            number("The version of the payload's schema, from 1."),
        ),
        (
            "ce_sequence",
            number("The aggregate's version after the event."),
        ),
        (
            "ce_partitionkey",
            json!({"description": "The record's key."}),
        ),
        ("content-type", json!({"const": AVRO_CONTENT_TYPE})),
    ];
    let of_tenant = [
        (
            "ce_tenantid",
            text("The tenant, whose id is the record's key.", "uuid"),
        ),
        (
            "ce_region",
            json!({"description": "Where the tenant's data live."}),
        ),
    ];
    let sometimes = [
        (
            "ce_causationid",
            text("The event or command that caused this one.", "uuid"),
        ),
        ("ce_userid", text("On whose behalf.", "uuid")),
        (
            "ce_traceparent",
            json!({"description": "W3C trace context."}),
        ),
        ("ce_tracestate", json!({"description": "W3C trace state."})),
    ];
    let (mut required, mut properties) = (Vec::new(), Map::new());
    let is_tenants = scope == Scope::Tenant;
    let groups = [
        (&always[..], true),
        (&of_tenant[..], is_tenants),
        (&sometimes[..], false),
    ];
    for (group, is_required) in groups {
        for (name, schema) in group {
            let mut schema = schema.clone();
            schema["type"] = "string".into();
            properties.insert((*name).to_owned(), schema);
            if is_required {
                required.push(*name);
            }
        }
    }
    json!({"type": "object", "required": required, "properties": properties})
}

fn text(description: &str, format: &str) -> Value {
    json!({"description": description, "format": format})
}

fn number(description: &str) -> Value {
    json!({"description": description, "pattern": "^[0-9]+$"})
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::{AvroSchema, OutboundRecord, event::Event};

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Paid {
        amount: i64,
    }

    impl Event for Paid {
        const TYPE: &'static str = "order.paid";
        const TOPIC: &'static str = "order.events";
        const AGGREGATE: &'static str = "order";
        const SCOPE: Scope = Scope::Tenant;
        const VERSION: u32 = 2;

        fn schema() -> &'static AvroSchema {
            static SCHEMA: LazyLock<AvroSchema> = LazyLock::new(|| {
                let json = r#"{"type":"record","name":"Paid","namespace":"shop","doc":"It is paid.",
                    "fields":[{"name":"amount","type":"long"}]}"#;
                AvroSchema::parse(json).unwrap()
            });
            &SCHEMA
        }
    }

    fn paid() -> Value {
        let info = Info {
            title: "Shop",
            version: "1",
            description: "Its events.",
            subject_naming: SubjectNaming::default(),
        };
        document(&info, &[EventType::of::<Paid>()])
    }

    #[test]
    fn a_type_is_found_from_its_topic_with_its_schema() {
        let document = paid();
        let operation = &document["operations"]["consume.order.events"];
        assert_eq!(operation["action"], "receive");
        assert_eq!(
            operation["messages"][0]["$ref"],
            "#/channels/order.events/messages/order.paid"
        );
        let message = &document["components"]["messages"]["order.paid"];
        assert_eq!(message["summary"], "It is paid.");
        assert_eq!(message["payload"]["schema"]["fields"][0]["name"], "amount");
        let kafka = &message["bindings"]["kafka"];
        assert_eq!(kafka["schemaLookupStrategy"], "TopicRecordNameStrategy");
    }

    /// What the document says of headers is what is written.
    #[test]
    fn the_headers_of_the_document_are_those_of_an_event() {
        let document = paid();
        let schema = &document["components"]["schemas"]["tenantHeaders"];
        let tenant = crate::TenantRef {
            id: uuid::Uuid::nil(),
            region: "eu".to_owned(),
        };
        let mut parts = crate::EventParts::new("/shop", "o-1").tenant(tenant);
        let written = |parts: &crate::EventParts| {
            let record = OutboundRecord::of(parts.clone(), &Paid { amount: 1 }).unwrap();
            let headers = record.envelope.to_headers().into_iter();
            headers
                .map(|(name, _)| name.into_owned())
                .collect::<Vec<_>>()
        };
        let mut required: Vec<String> = serde_json::from_value(schema["required"].clone()).unwrap();
        let mut least = written(&parts);
        least.sort();
        required.sort();
        assert_eq!(least, required);

        parts = parts.user(uuid::Uuid::nil());
        parts.causation_id = Some(uuid::Uuid::nil());
        parts.traceparent =
            Some("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01".to_owned());
        parts.tracestate = Some("a=b".to_owned());
        let all = schema["properties"].as_object().unwrap();
        let most = written(&parts);
        assert!(most.iter().all(|name| all.contains_key(name)), "{most:?}");
        assert_eq!(most.len(), all.len());
    }
}
