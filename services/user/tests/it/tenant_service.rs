//! Stands in for the tenant service: makes tenants, and fails the way a code's first word asks for.

use std::{
    collections::HashMap,
    net::TcpListener,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use testkit::on_shared_runtime;
use uuid::Uuid;

/// The key a wish came with, and the wish.
type Asked = (Option<String>, Value);

#[derive(Clone, Default)]
struct Tenants {
    by_code: Arc<Mutex<HashMap<String, Value>>>,
    wishes: Arc<Mutex<Vec<Asked>>>,
}

pub struct TenantStandIn {
    url: String,
    tenants: Tenants,
}

impl TenantStandIn {
    pub async fn start() -> Self {
        let tenants = Tenants::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let data = web::Data::new(tenants.clone());
        on_shared_runtime(async move {
            let server = HttpServer::new(move || {
                App::new()
                    .app_data(data.clone())
                    .route("/api/tenants", web::post().to(create))
                    .route("/api/tenants/{reference}", web::get().to(read))
            });
            tokio::spawn(
                server
                    .workers(1)
                    .disable_signals()
                    .listen(listener)
                    .unwrap()
                    .run(),
            );
        })
        .await;
        Self { url, tenants }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// What was asked for under this code.
    pub fn wishes(&self, code: &str) -> Vec<Value> {
        let wishes = self.tenants.wishes.lock().unwrap();
        wishes
            .iter()
            .filter(|(_, wish)| wish["code"] == code)
            .map(|(_, wish)| wish.clone())
            .collect()
    }

    /// A tenant it made, with another status.
    pub fn facts(&self, code: &str, status: &str, version: i64) -> Value {
        let mut facts = self.tenants.by_code.lock().unwrap()[code].clone();
        facts["status"] = status.into();
        facts["version"] = version.into();
        if status != "PROVISIONING" {
            facts["cluster"] = "eu-1".into();
        }
        facts
    }
}

async fn create(
    request: HttpRequest,
    wish: web::Json<Value>,
    tenants: web::Data<Tenants>,
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
    let (key, wish) = (header("idempotency-key"), wish.into_inner());
    let code = wish["code"].as_str().unwrap().to_owned();
    let first = {
        let mut wishes = tenants.wishes.lock().unwrap();
        let first = !wishes
            .iter()
            .any(|(known, before)| key.is_some() && *known == key && before["code"] == code);
        wishes.push((key, wish.clone()));
        first
    };
    if code.starts_with("slow") {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    if code.starts_with("down") {
        return HttpResponse::ServiceUnavailable().finish();
    }
    if code.starts_with("flaky") && first {
        // Made, but the answer is lost.
        tenants
            .by_code
            .lock()
            .unwrap()
            .insert(code.clone(), tenant(&wish));
        return HttpResponse::BadGateway().finish();
    }
    let mut known = tenants.by_code.lock().unwrap();
    if code.starts_with("taken") || (first && known.contains_key(&code)) {
        return HttpResponse::Conflict()
            .content_type("application/problem+json")
            .json(json!({ "type": "/problems/tenant-code-taken" }));
    }
    let made = known.entry(code).or_insert_with(|| tenant(&wish)).clone();
    HttpResponse::Accepted().json(made)
}

fn tenant(wish: &Value) -> Value {
    json!({
        "id": Uuid::now_v7(), "code": wish["code"], "name": wish["name"], "region": wish["region"],
        "package": wish["package"], "billingEmail": wish["billingEmail"], "cluster": null,
        "status": "PROVISIONING", "version": 1, "createdAt": "2026-01-01T00:00:00Z",
    })
}

async fn read(reference: web::Path<String>, tenants: web::Data<Tenants>) -> HttpResponse {
    let known = tenants.by_code.lock().unwrap();
    let found = known
        .values()
        .find(|tenant| tenant["id"] == **reference || tenant["code"] == **reference);
    found.map_or_else(
        || HttpResponse::NotFound().finish(),
        |tenant| HttpResponse::Ok().json(tenant),
    )
}
