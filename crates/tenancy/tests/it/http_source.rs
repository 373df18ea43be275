//! Asking the tenant service over HTTP.

use std::time::{Duration, Instant};

use tenancy::{HttpTenantSource, TenantSource as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// Answers every request with this, after a while; yields its URL.
async fn server(status: &'static str, body: &'static str, after: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let read = socket.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..read]).to_lowercase();
            assert!(request.starts_with("get /api/tenants/acme http/1.1"));
            assert!(request.contains("authorization: bearer sesame"));
            tokio::time::sleep(after).await;
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            socket.write_all(answer.as_bytes()).await.ok();
        }
    });
    format!("http://{address}")
}

fn source(base: &str) -> HttpTenantSource {
    HttpTenantSource::new(base, || async {
        Ok::<_, std::io::Error>("sesame".to_owned())
    })
    .expect("a URL")
}

#[tokio::test]
async fn the_answer_of_the_tenant_service_is_understood() {
    let body = r#"{"id": "01890a5d-ac96-774b-bcce-b302099a8057", "code": "acme", "name": "Acme", "region": "eu",
        "package": "starter", "billingEmail": "a@b.example", "status": "PROVISIONING", "version": 1, "createdAt": "x"}"#;
    let base = server("200 OK", body, Duration::ZERO).await;
    let facts = source(&base).fetch("acme").await.expect("answers");
    assert_eq!(facts.expect("is there").cluster, None);
}

#[tokio::test]
async fn not_found_is_unknown_and_everything_else_is_unreachable() {
    let base = server("404 Not Found", "{}", Duration::ZERO).await;
    assert_eq!(source(&base).fetch("acme").await.expect("answers"), None);
    for status in ["401 Unauthorized", "500 Oops", "200 OK"] {
        let base = server(status, "{}", Duration::ZERO).await;
        assert!(source(&base).fetch("acme").await.is_err(), "{status}");
    }
    assert!(source("http://127.0.0.1:9").fetch("acme").await.is_err());
    assert!(HttpTenantSource::new("nonsense", || async { Err("no token") }).is_err());
}

#[tokio::test]
async fn a_slow_tenant_service_is_not_waited_for() {
    let base = server("200 OK", "{}", Duration::from_secs(10)).await;
    let begin = Instant::now();
    assert!(source(&base).fetch("acme").await.is_err());
    assert!(begin.elapsed() < Duration::from_secs(2));
}
