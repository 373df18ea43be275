//! Stands in for the user service: gives secrets for links, or refuses the way it is told to.

use std::{
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use testkit::on_shared_runtime;

/// The token that it gives this service for its calls.
const BEARER: &str = "Bearer of-notification";

#[derive(Clone)]
struct State {
    status: Arc<AtomicU16>,
    wishes: Arc<Mutex<Vec<Value>>>,
}

pub struct UserStandIn {
    url: String,
    state: State,
}

impl UserStandIn {
    pub async fn start() -> Self {
        let state = State {
            status: Arc::new(AtomicU16::new(200)),
            wishes: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let data = web::Data::new(state.clone());
        on_shared_runtime(async move {
            let server = HttpServer::new(move || {
                App::new()
                    .app_data(data.clone())
                    .route("/api/auth/service-token", web::post().to(service_token))
                    .route("/api/auth/password-tokens", web::post().to(password_token))
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
        Self { url, state }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// From here on it answers so when it is asked for a secret.
    pub fn answers(&self, status: u16) {
        self.state.status.store(status, Ordering::SeqCst);
    }

    /// What it was asked for this user.
    pub fn wishes(&self, user: uuid::Uuid) -> Vec<Value> {
        let wishes = self.state.wishes.lock().unwrap();
        wishes
            .iter()
            .filter(|wish| wish["userId"] == user.to_string())
            .cloned()
            .collect()
    }
}

async fn service_token() -> HttpResponse {
    let token = BEARER.trim_start_matches("Bearer ");
    HttpResponse::Ok().json(json!({ "access_token": token, "expires_in": 900 }))
}

async fn password_token(
    state: web::Data<State>,
    request: HttpRequest,
    wish: web::Json<Value>,
) -> HttpResponse {
    let bearer = request
        .headers()
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    if bearer != Some(BEARER) {
        return HttpResponse::Forbidden().finish();
    }
    let mut wishes = state.wishes.lock().unwrap();
    wishes.push(wish.into_inner());
    match state.status.load(Ordering::SeqCst) {
        200 => HttpResponse::Ok().json(json!({
            "token": format!("s3cret-{}", wishes.len()), "expiresAt": "2031-02-03T04:05:06.789Z",
        })),
        status => {
            HttpResponse::build(status.try_into().unwrap()).json(json!({ "type": "/problems/x" }))
        }
    }
}
