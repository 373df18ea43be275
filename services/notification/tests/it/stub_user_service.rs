//! A stub of the user service: issues password tokens, or answers with a given status.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU16, Ordering},
};

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use testkit::StubServer;

/// The authorization header with the service token that the stub issues.
const BEARER: &str = "Bearer of-notification";

#[derive(Clone)]
struct State {
    status: Arc<AtomicU16>,
    requests: Arc<Mutex<Vec<Value>>>,
}

pub struct StubUserService {
    server: StubServer,
    state: State,
}

impl StubUserService {
    pub async fn start() -> Self {
        let state = State {
            status: Arc::new(AtomicU16::new(200)),
            requests: Arc::default(),
        };
        let data = web::Data::new(state.clone());
        let server = StubServer::start(move |config| {
            config
                .app_data(data.clone())
                .route("/api/auth/service-token", web::post().to(service_token))
                .route("/api/auth/password-tokens", web::post().to(password_token));
        })
        .await;
        Self { server, state }
    }

    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Sets the status of all further answers to token requests.
    pub fn answer_with(&self, status: u16) {
        self.state.status.store(status, Ordering::SeqCst);
    }

    /// The token requests for this user.
    pub fn requests(&self, user: uuid::Uuid) -> Vec<Value> {
        let requests = self.state.requests.lock().unwrap();
        requests
            .iter()
            .filter(|request| request["userId"] == user.to_string())
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
    body: web::Json<Value>,
) -> HttpResponse {
    let bearer = request
        .headers()
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    if bearer != Some(BEARER) {
        return HttpResponse::Forbidden().finish();
    }
    let mut requests = state.requests.lock().unwrap();
    requests.push(body.into_inner());
    match state.status.load(Ordering::SeqCst) {
        200 => HttpResponse::Ok().json(json!({
            "token": format!("s3cret-{}", requests.len()), "expiresAt": "2031-02-03T04:05:06.789Z",
        })),
        status => {
            HttpResponse::build(status.try_into().unwrap()).json(json!({ "type": "/problems/x" }))
        }
    }
}
