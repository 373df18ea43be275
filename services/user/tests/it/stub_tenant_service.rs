//! Stub of the tenant service: creates tenants, and fails as the prefix of the requested code says (`down`, `flaky`,
//! `slow`, `taken`).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use testkit::StubServer;
use uuid::Uuid;

/// A request with its idempotency key.
type Recorded = (Option<String>, Value);

#[derive(Clone, Default)]
struct State {
    by_code: Arc<Mutex<HashMap<String, Value>>>,
    requests: Arc<Mutex<Vec<Recorded>>>,
}

pub struct StubTenantService {
    server: StubServer,
    tenants: State,
}

impl StubTenantService {
    pub async fn start() -> Self {
        let tenants = State::default();
        let data = web::Data::new(tenants.clone());
        let server = StubServer::start(move |config| {
            config
                .app_data(data.clone())
                .route("/api/tenants", web::post().to(create))
                .route("/api/tenants/{reference}", web::get().to(read));
        })
        .await;
        Self { server, tenants }
    }

    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// The requests for this code.
    pub fn requests(&self, code: &str) -> Vec<Value> {
        let requests = self.tenants.requests.lock().unwrap();
        requests
            .iter()
            .filter(|(_, request)| request["code"] == code)
            .map(|(_, request)| request.clone())
            .collect()
    }

    /// A created tenant as JSON, with another status.
    pub fn tenant_json(&self, code: &str, status: &str, version: i64) -> Value {
        let mut tenant = self.tenants.by_code.lock().unwrap()[code].clone();
        tenant["status"] = status.into();
        tenant["version"] = version.into();
        if status != "PROVISIONING" {
            tenant["cluster"] = "eu-1".into();
        }
        tenant
    }
}

async fn create(
    request: HttpRequest,
    body: web::Json<Value>,
    tenants: web::Data<State>,
) -> HttpResponse {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    assert!(header("authorization").is_some_and(|value| value.starts_with("Bearer ey")));
    assert!(header("x-correlation-id").is_some());
    let (key, request) = (header("idempotency-key"), body.into_inner());
    let code = request["code"].as_str().unwrap().to_owned();
    let first = {
        let mut requests = tenants.requests.lock().unwrap();
        let first = !requests
            .iter()
            .any(|(known, before)| key.is_some() && *known == key && before["code"] == code);
        requests.push((key, request.clone()));
        first
    };
    if code.starts_with("slow") {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    if code.starts_with("down") {
        return HttpResponse::ServiceUnavailable().finish();
    }
    if code.starts_with("flaky") && first {
        // The tenant is created, but the answer is lost.
        tenants
            .by_code
            .lock()
            .unwrap()
            .insert(code.clone(), tenant(&request));
        return HttpResponse::BadGateway().finish();
    }
    let mut known = tenants.by_code.lock().unwrap();
    if code.starts_with("taken") || (first && known.contains_key(&code)) {
        return HttpResponse::Conflict()
            .content_type("application/problem+json")
            .json(json!({ "type": "/problems/tenant-code-taken" }));
    }
    let created = known
        .entry(code)
        .or_insert_with(|| tenant(&request))
        .clone();
    HttpResponse::Accepted().json(created)
}

fn tenant(request: &Value) -> Value {
    json!({
        "id": Uuid::now_v7(), "code": request["code"], "name": request["name"], "region": request["region"],
        "package": request["package"], "billingEmail": request["billingEmail"], "cluster": null,
        "status": "PROVISIONING", "version": 1, "createdAt": "2026-01-01T00:00:00Z",
    })
}

async fn read(reference: web::Path<String>, tenants: web::Data<State>) -> HttpResponse {
    let known = tenants.by_code.lock().unwrap();
    let found = known
        .values()
        .find(|tenant| tenant["id"] == **reference || tenant["code"] == **reference);
    found.map_or_else(
        || HttpResponse::NotFound().finish(),
        |tenant| HttpResponse::Ok().json(tenant),
    )
}
