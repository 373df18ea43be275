//! Every operation of the service's own OpenAPI document, ready to be called: a new route cannot be forgotten.

use reqwest::Method;
use serde_json::{Map, Value, json};
use testkit::{Client, Reply};
use uuid::Uuid;

use crate::shop::{Buyer, Shop};

/// One operation of the document.
pub struct Operation {
    pub method: Method,
    /// As in the document, with `{tenantCode}` and `{id}`.
    pub path: String,
    /// The schema of its body, with nothing left to look up.
    pub body: Option<Value>,
    /// The names of its query's parameters.
    pub query: Vec<String>,
}

/// What a shop holds for operations to be tried on. Its names and links are the canary.
pub struct Holdings {
    pub product: Uuid,
    pub order: Uuid,
    pub owner: Buyer,
}

/// What no answer to somebody else may hold.
pub const CANARY: &str = "canary-4711";

impl Holdings {
    /// A product and an order of it that waits for its payment.
    pub async fn of(shop: &Shop) -> Self {
        let product = shop.sells(CANARY, 1000).await;
        let owner = shop.customer();
        let order = owner.gets(shop, product, 1).await;
        shop.bills(order).await;
        Self {
            product,
            order,
            owner,
        }
    }
}

impl Operation {
    /// All of them.
    pub async fn all(client: &Client) -> Vec<Self> {
        let document = client
            .anonymous()
            .get("/api/docs/openapi.json")
            .await
            .expect(200);
        let mut all = Vec::new();
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, about) in methods.as_object().expect("methods") {
                let Ok(method) = method.to_uppercase().parse::<Method>() else {
                    continue;
                };
                let schema = &about["requestBody"]["content"]["application/json"]["schema"];
                let parameters = about["parameters"].as_array().cloned().unwrap_or_default();
                all.push(Self {
                    method,
                    path: path.clone(),
                    body: (!schema.is_null()).then(|| resolved(&document, schema)),
                    query: parameters
                        .iter()
                        .filter(|parameter| parameter["in"] == "query")
                        .map(|parameter| parameter["name"].as_str().expect("a name").to_owned())
                        .collect(),
                });
            }
        }
        assert!(
            all.len() >= 11,
            "the document lists its operations: {document}"
        );
        all
    }

    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub fn has_tenant(&self) -> bool {
        self.path.contains("{tenantCode}")
    }

    pub fn has_id(&self) -> bool {
        self.path.contains("{id}")
    }

    /// The path at this tenant, on what it holds.
    pub fn path_at(&self, tenant: &str, holdings: &Holdings) -> String {
        let id = if self.path.contains("/products/") {
            holdings.product
        } else {
            holdings.order
        };
        self.path
            .replace("{tenantCode}", tenant)
            .replace("{id}", &id.to_string())
    }

    /// A body that fits its schema.
    pub fn good_body(&self, holdings: &Holdings) -> Option<Value> {
        self.body
            .as_ref()
            .map(|schema| sample(schema, "", holdings))
    }

    /// Calls it with a good body.
    pub async fn call(&self, client: &Client, tenant: &str, holdings: &Holdings) -> Reply {
        let body = self.good_body(holdings).map(|body| body.to_string());
        client
            .send(self.method.clone(), &self.path_at(tenant, holdings), body)
            .await
    }
}

/// The schema with every reference replaced by what it refers to.
fn resolved(document: &Value, schema: &Value) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let found = document
            .pointer(reference.trim_start_matches('#'))
            .expect("the reference leads somewhere");
        return resolved(document, found);
    }
    match schema {
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), resolved(document, value)));
            Value::Object(fields.collect())
        }
        Value::Array(values) => values
            .iter()
            .map(|value| resolved(document, value))
            .collect(),
        other => other.clone(),
    }
}

/// The one schema behind `T` or null.
pub fn essence(schema: &Value) -> &Value {
    let options = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
    options
        .and_then(|options| options.iter().find(|option| option["type"] != "null"))
        .unwrap_or(schema)
}

/// Whether null fits it: an optional field that is null is taken for absent.
pub fn may_be_null(schema: &Value) -> bool {
    let null = json!("null");
    let types = schema["type"].as_array();
    types.is_some_and(|types| types.contains(&null)) || !std::ptr::eq(essence(schema), schema)
}

/// The type of a schema, `string` for `["string", "null"]`.
pub fn type_of(schema: &Value) -> &str {
    match &essence(schema)["type"] {
        Value::Array(types) => types
            .iter()
            .find_map(|one| one.as_str().filter(|one| *one != "null")),
        one => one.as_str(),
    }
    .unwrap_or("object")
}

fn sample(schema: &Value, name: &str, holdings: &Holdings) -> Value {
    let schema = essence(schema);
    match (name, type_of(schema)) {
        ("productId", _) => json!(holdings.product),
        ("currency", _) => json!("EUR"),
        (_, "object") => {
            let properties = schema["properties"]
                .as_object()
                .cloned()
                .unwrap_or_else(Map::new);
            let filled = properties
                .iter()
                .map(|(name, schema)| (name.clone(), sample(schema, name, holdings)));
            Value::Object(filled.collect())
        }
        (_, "array") => json!([sample(&schema["items"], name, holdings)]),
        (_, "integer" | "number") => json!(schema["minimum"].as_i64().unwrap_or(0).max(1)),
        (_, "boolean") => json!(true),
        _ => json!("tried"),
    }
}
