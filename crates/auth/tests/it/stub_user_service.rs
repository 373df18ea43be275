//! A stub of the user service that returns a configured response and counts requests.

use std::{
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, http::StatusCode, web};

#[derive(Clone)]
struct Behaviour {
    response: Arc<Mutex<(u16, String)>>,
    requests: Arc<AtomicUsize>,
    delay: Duration,
}

pub struct StubUserService {
    pub url: String,
    behaviour: Behaviour,
    handle: ServerHandle,
}

impl StubUserService {
    pub fn start(body: &impl serde::Serialize) -> Self {
        let behaviour = Behaviour {
            response: Arc::new(Mutex::new((200, serde_json::to_string(body).unwrap()))),
            requests: Arc::default(),
            delay: Duration::from_millis(50),
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let data = web::Data::new(behaviour.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .default_service(web::to(response))
        })
        .workers(1)
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self {
            url,
            behaviour,
            handle,
        }
    }

    pub fn respond_with(&self, status: u16, body: &impl serde::Serialize) {
        *self.behaviour.response.lock().unwrap() = (status, serde_json::to_string(body).unwrap());
    }

    pub fn requests(&self) -> usize {
        self.behaviour.requests.load(SeqCst)
    }

    pub async fn stop(&self) {
        self.handle.stop(false).await;
    }
}

async fn response(behaviour: web::Data<Behaviour>) -> HttpResponse {
    behaviour.requests.fetch_add(1, SeqCst);
    tokio::time::sleep(behaviour.delay).await;
    let (status, body) = behaviour.response.lock().unwrap().clone();
    HttpResponse::build(StatusCode::from_u16(status).unwrap())
        .content_type("application/json")
        .body(body)
}
