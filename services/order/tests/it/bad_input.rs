//! What cannot be understood is refused with a 4xx problem that names the field, on every operation there is.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Client, Reply};

use crate::{
    operations::{Holdings, Operation, essence, may_be_null, type_of},
    shop::{Shop, Stage},
};

/// More than any body may hold.
const TOO_MUCH: usize = 300 * 1024;

struct Scene {
    shop: Shop,
    holdings: Holdings,
    operations: Vec<Operation>,
    http: reqwest::Client,
}

impl Scene {
    async fn set() -> Self {
        let shop = Stage::shared().await.shop().await;
        Self {
            holdings: Holdings::of(&shop).await,
            operations: Operation::all(&shop.admin).await,
            http: reqwest::Client::new(),
            shop,
        }
    }

    fn with_bodies(&self) -> impl Iterator<Item = (&Operation, &Value)> {
        self.operations
            .iter()
            .filter_map(|operation| Some((operation, operation.body.as_ref()?)))
    }

    /// Someone who may call it, so that nothing but the input is at fault.
    fn caller(&self, operation: &Operation) -> &Client {
        let customers =
            operation.name().ends_with("/create") && operation.path.starts_with("/api/orders");
        if customers {
            &self.holdings.owner.client
        } else {
            &self.shop.admin
        }
    }

    fn path(&self, operation: &Operation) -> String {
        operation.path_at(self.shop.code(), &self.holdings)
    }

    async fn sends(&self, operation: &Operation, body: impl Into<String>) -> Reply {
        let client = self.caller(operation);
        client
            .send(
                operation.method.clone(),
                &self.path(operation),
                Some(body.into()),
            )
            .await
    }

    /// A body that is not JSON of the right kind at all; the status.
    async fn sends_raw(
        &self,
        operation: &Operation,
        kind: Option<&str>,
        body: Vec<u8>,
    ) -> (u16, String) {
        let client = self.caller(operation);
        let url = format!("{}{}", client.base(), self.path(operation));
        let mut request = self.http.request(operation.method.clone(), url).body(body);
        request = request.bearer_auth(client.token().expect("a token"));
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let answer = request.send().await.expect("an answer");
        (
            answer.status().as_u16(),
            answer.text().await.expect("a body"),
        )
    }
}

/// It is a 4xx problem; and names the field, where one is expected.
fn refused(what: &str, answer: &Reply, field: Option<&str>) {
    let status = answer.status.as_u16();
    assert!(
        (400..500).contains(&status),
        "{what}: {status} {}",
        answer.text
    );
    assert!(
        answer.problem().starts_with("/problems/"),
        "{what}: {}",
        answer.text
    );
    assert!(
        answer.body["correlationId"].is_string(),
        "{what}: {}",
        answer.text
    );
    if let Some(field) = field {
        assert_eq!(status, 400, "{what}: {}", answer.text);
        assert_eq!(
            answer.body["errors"][0]["field"], field,
            "{what}: {}",
            answer.text
        );
    }
}

/// Every field below a schema: where it is, as a pointer and as problems name it, and what it should be.
fn fields(schema: &Value, pointer: &str, name: &str, found: &mut Vec<(String, String, Value)>) {
    let schema = essence(schema);
    match type_of(schema) {
        "object" => {
            for (field, inner) in schema["properties"].as_object().into_iter().flatten() {
                let pointer = format!("{pointer}/{field}");
                let name = if name.is_empty() {
                    field.clone()
                } else {
                    format!("{name}.{field}")
                };
                found.push((pointer.clone(), name.clone(), inner.clone()));
                fields(inner, &pointer, &name, found);
            }
        }
        "array" => fields(
            &schema["items"],
            &format!("{pointer}/0"),
            &format!("{name}[0]"),
            found,
        ),
        _ => {}
    }
}

fn wrong_values(schema: &Value) -> Vec<Value> {
    let long = "x".repeat(6000);
    let mut wrong = match type_of(schema) {
        "string" => vec![
            json!(7),
            json!(true),
            json!([]),
            json!({}),
            json!("nul\0nul"),
            json!(long),
        ],
        "integer" | "number" => vec![
            json!("7"),
            json!(1.5),
            json!(-1),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(1e300),
            json!([]),
            json!(null),
            json!(true),
        ],
        "array" => vec![
            json!({}),
            json!("x"),
            json!(7),
            json!([]),
            json!([7]),
            json!(null),
            json!(vec![json!({}); 200]),
        ],
        _ => vec![json!([]), json!("x"), json!(7), json!(true)],
    };
    wrong.retain(|value| !(value.is_null() && may_be_null(schema)));
    wrong
}

#[tokio::test]
async fn a_wrong_value_is_refused_and_its_field_named() {
    let scene = Scene::set().await;
    for (operation, schema) in scene.with_bodies() {
        let good = operation.good_body(&scene.holdings).unwrap();
        let mut all = Vec::new();
        fields(schema, "", "", &mut all);
        assert!(!all.is_empty(), "{}: {schema}", operation.name());
        for (pointer, name, inner) in all {
            for wrong in wrong_values(&inner) {
                let mut body = good.clone();
                *body.pointer_mut(&pointer).unwrap() = wrong.clone();
                let answer = scene.sends(operation, body.to_string()).await;
                let short: String = wrong.to_string().chars().take(40).collect();
                let what = format!("{}, {name} = {short}", operation.name());
                refused(&what, &answer, None);
                let named = answer.body["errors"][0]["field"]
                    .as_str()
                    .unwrap_or_default();
                assert!(
                    named.starts_with(&name) || name.starts_with(named) && !named.is_empty(),
                    "{what} names {named:?}: {}",
                    answer.text
                );
            }
        }
    }
}

#[tokio::test]
async fn unknown_and_missing_fields_are_named() {
    let scene = Scene::set().await;
    for (operation, schema) in scene.with_bodies() {
        let good = operation.good_body(&scene.holdings).unwrap();
        let mut body = good.clone();
        body["surprise"] = json!(1);
        let answer = scene.sends(operation, body.to_string()).await;
        refused(
            &format!("{} with a surprise", operation.name()),
            &answer,
            Some("surprise"),
        );
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for field in required.iter().filter_map(Value::as_str) {
            let mut body = good.clone();
            body.as_object_mut().unwrap().remove(field);
            let answer = scene.sends(operation, body.to_string()).await;
            refused(
                &format!("{} without {field}", operation.name()),
                &answer,
                Some(field),
            );
        }
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let scene = Scene::set().await;
    let deep = "[".repeat(100_000);
    let broken = [
        "",
        "{",
        "[]",
        "null",
        "7",
        "\"x\"",
        "{\"a\":}",
        "{} {}",
        "\u{feff}{}",
        "{'a':1}",
        "\0",
        &deep,
    ];
    for (operation, _) in scene.with_bodies() {
        for body in broken {
            let short: String = body.chars().take(20).collect();
            refused(
                &format!("{} with {short:?}", operation.name()),
                &scene.sends(operation, body).await,
                None,
            );
        }
        let good = operation.good_body(&scene.holdings).unwrap().to_string();
        let twice = format!("{},{}", &good[..good.len() - 1], &good[1..]);
        refused(
            &format!("{} with fields twice", operation.name()),
            &scene.sends(operation, twice).await,
            None,
        );
        let (status, text) = scene
            .sends_raw(
                operation,
                Some("application/json"),
                vec![b'{', 0xff, 0xfe, b'}'],
            )
            .await;
        assert_eq!(status, 400, "{text}");
    }
}

#[tokio::test]
async fn too_large_a_body_is_413_and_another_type_415() {
    let scene = Scene::set().await;
    for (operation, _) in scene.with_bodies() {
        let large = format!("{{\"x\":\"{}\"}}", "y".repeat(TOO_MUCH));
        let answer = scene.sends(operation, large).await;
        assert_eq!(answer.status, 413, "{}: {}", operation.name(), answer.text);
        refused(&operation.name(), &answer, None);
        let good = operation.good_body(&scene.holdings).unwrap().to_string();
        let kinds = [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("application/jsonx"),
            Some(""),
        ];
        for kind in kinds {
            let (status, text) = scene
                .sends_raw(operation, kind, good.clone().into_bytes())
                .await;
            assert_eq!(status, 415, "{} as {kind:?}: {text}", operation.name());
            assert!(text.contains("/problems/unsupported-media-type"), "{text}");
        }
    }
}

#[tokio::test]
async fn ids_and_codes_that_are_none_are_refused() {
    let scene = Scene::set().await;
    let long = "x".repeat(5000);
    let nonsense = [
        "not-a-uuid",
        "0",
        "%00",
        "%ff%fe",
        "..%2f..",
        "' OR 1=1 --",
        "%F0%9F%92%A9",
        &long,
    ];
    for operation in &scene.operations {
        let client = scene.caller(operation);
        let body = operation
            .good_body(&scene.holdings)
            .map(|body| body.to_string());
        let mut paths = Vec::new();
        for text in nonsense {
            let text = text.replace(' ', "%20");
            if operation.has_id() {
                paths.push(
                    operation
                        .path
                        .replace("{tenantCode}", scene.shop.code())
                        .replace("{id}", &text),
                );
            }
            if operation.has_tenant() {
                paths.push(scene.path(operation).replace(scene.shop.code(), &text));
            }
        }
        for path in paths {
            let answer = client
                .send(operation.method.clone(), &path, body.clone())
                .await;
            let short: String = path.chars().take(80).collect();
            refused(&format!("{} {short}", operation.method), &answer, None);
        }
    }
}

#[tokio::test]
async fn absurd_queries_are_refused_and_their_field_named() {
    let scene = Scene::set().await;
    let long = format!("search={}", "x".repeat(201));
    let absurd = [
        ("page", "page=0"),
        ("page", "page=-1"),
        ("page", "page=x"),
        ("page", "page=99999999999999999999"),
        ("page", "page=4294967295"),
        ("page", "page="),
        ("page", "page=1.5"),
        ("page", "page=1&page=2"),
        ("per_page", "per_page=0"),
        ("per_page", "per_page=101"),
        ("per_page", "per_page=-5"),
        ("per_page", "per_page=1e2"),
        ("per_page", "per_page=%00"),
        ("sort", "sort=drop"),
        ("sort", "sort="),
        ("sort", "sort=name;--"),
        ("search", "search=%00"),
        ("search", &long),
        ("search", "search=a&search=b"),
        ("surprise", "surprise=1"),
    ];
    let lists = scene
        .operations
        .iter()
        .filter(|operation| !operation.query.is_empty());
    let mut tried = 0;
    for operation in lists {
        for (field, query) in absurd {
            if field == "surprise" || operation.query.iter().any(|known| known == field) {
                let path = format!("{}?{query}", scene.path(operation));
                let answer = scene.caller(operation).get(&path).await;
                refused(&path, &answer, Some(field));
                tried += 1;
            }
        }
        // What is odd and harmless is no error of the server.
        for query in ["search=%ff", "%", "&&&=", "search=%25%5C_", "page=1&"] {
            let path = format!("{}?{query}", scene.path(operation));
            let status = scene.caller(operation).get(&path).await.status;
            assert!(!status.is_server_error(), "{path}: {status}");
        }
    }
    assert!(tried > 30);
}

#[tokio::test]
async fn absurd_headers_are_refused() {
    let scene = Scene::set().await;
    let long = "k".repeat(300);
    let huge = "k".repeat(60_000);
    for operation in &scene.operations {
        let client = scene.caller(operation);
        let call = async |client: &Client| {
            operation
                .call(client, scene.shop.code(), &scene.holdings)
                .await
        };
        for (name, value) in [
            ("x-correlation-id", &*huge),
            ("accept", &huge),
            ("x-anything", &huge),
            ("x-correlation-id", "not a uuid"),
        ] {
            let status = call(&client.anonymous().header(name, value)).await.status;
            assert!(
                status.is_client_error(),
                "{} {name}: {status}",
                operation.name()
            );
        }
        for token in [&*huge, "a b c", "..", "é"] {
            let bad = client
                .anonymous()
                .header("authorization", &format!("Bearer {token}"));
            assert_eq!(call(&bad).await.status, 401, "{}", operation.name());
        }
        if operation.has_tenant() {
            for tenant in [&*long, "é", "", "' OR 1=1"] {
                let answer = call(&client.header("x-tenant-id", tenant)).await;
                refused(
                    &format!("{} x-tenant-id {tenant:.9}", operation.name()),
                    &answer,
                    None,
                );
            }
        }
        if operation.method == Method::POST {
            for key in [&*long, "é", ""] {
                let answer = call(&client.header("idempotency-key", key)).await;
                refused(&format!("{} key {key:.9}", operation.name()), &answer, None);
            }
            let twice = client
                .header("idempotency-key", "a")
                .header("idempotency-key", "b");
            refused(&operation.name(), &call(&twice).await, None);
        }
        if operation.method == Method::PATCH || operation.method == Method::DELETE {
            for version in [
                "x",
                "\"x\"",
                "99999999999999999999",
                "\"1\", \"2\"",
                "W/\"1\"",
                "é",
                "",
            ] {
                let answer = call(&client.header("if-match", version)).await;
                refused(
                    &format!("{} if-match {version}", operation.name()),
                    &answer,
                    Some("If-Match"),
                );
            }
        }
    }
}

#[tokio::test]
async fn other_methods_and_paths_are_problems_too() {
    let scene = Scene::set().await;
    for operation in &scene.operations {
        for method in [Method::PUT, Method::TRACE, Method::OPTIONS] {
            let answer = scene
                .caller(operation)
                .send(method.clone(), &scene.path(operation), None)
                .await;
            refused(&format!("{method} {}", operation.path), &answer, None);
        }
    }
    for path in [
        "/",
        "/api",
        "/api/",
        "/api/orders/",
        "/api//products",
        "/%00",
        "/api/docs/../../etc/passwd",
        "/metrics/x",
    ] {
        let answer = scene.shop.admin.get(path).await;
        refused(path, &answer, None);
    }
}
