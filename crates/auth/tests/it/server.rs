//! A stand-in for the user service, on a port of its own: answers what the test says and counts the questions.

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
struct Script {
    answer: Arc<Mutex<(u16, String)>>,
    questions: Arc<AtomicUsize>,
    delay: Duration,
}

pub struct UserService {
    pub url: String,
    script: Script,
    handle: ServerHandle,
}

impl UserService {
    pub fn start(body: &impl serde::Serialize) -> Self {
        let script = Script {
            answer: Arc::new(Mutex::new((200, serde_json::to_string(body).unwrap()))),
            questions: Arc::default(),
            delay: Duration::from_millis(50),
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let data = web::Data::new(script.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .default_service(web::to(answer))
        })
        .workers(1)
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self {
            url,
            script,
            handle,
        }
    }

    pub fn answers(&self, status: u16, body: &impl serde::Serialize) {
        *self.script.answer.lock().unwrap() = (status, serde_json::to_string(body).unwrap());
    }

    pub fn questions(&self) -> usize {
        self.script.questions.load(SeqCst)
    }

    pub async fn stop(&self) {
        self.handle.stop(false).await;
    }
}

async fn answer(script: web::Data<Script>) -> HttpResponse {
    script.questions.fetch_add(1, SeqCst);
    tokio::time::sleep(script.delay).await;
    let (status, body) = script.answer.lock().unwrap().clone();
    HttpResponse::build(StatusCode::from_u16(status).unwrap())
        .content_type("application/json")
        .body(body)
}
