//! The tenant service as the source of tenants whose events have not arrived yet.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::StatusCode;
use tenancy::{SourceError, TenantSnapshot, TenantSource};

use crate::{Call, CallError, ServiceClient};

/// Looks tenants up at `GET /api/tenants/{id or code}` of the tenant service.
pub(crate) struct HttpTenantSource(pub ServiceClient);

impl HttpTenantSource {
    /// The time limit of a lookup, the token included.
    pub const TIMEOUT: Duration = Duration::from_millis(1500);
}

#[async_trait]
impl TenantSource for HttpTenantSource {
    async fn fetch(&self, reference: &str) -> Result<Option<TenantSnapshot>, SourceError> {
        let call = Call::get(format!("/api/tenants/{reference}"));
        match self.0.call(call).await {
            Ok(snapshot) => Ok(Some(snapshot)),
            Err(CallError::Rejected {
                status: StatusCode::NOT_FOUND,
                ..
            }) => Ok(None),
            Err(error) => Err(SourceError::new(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    /// Answers every request with this after a delay; returns its URL.
    async fn server(status: &'static str, body: &'static str, delay: Duration) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let read = socket.read(&mut request).await.unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..read]).to_lowercase();
                assert!(request.starts_with("get /api/tenants/acme http/1.1"));
                assert!(request.contains("authorization: bearer sesame"));
                tokio::time::sleep(delay).await;
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
        let bearer = || async { Ok::<_, std::io::Error>("sesame".to_owned()) };
        let client = ServiceClient::with_bearer(
            "TENANTRY_TENANT_URL",
            base,
            HttpTenantSource::TIMEOUT,
            bearer,
        );
        HttpTenantSource(client.unwrap())
    }

    #[tokio::test]
    async fn the_answer_of_the_tenant_service_is_read() {
        let body = r#"{"id": "01890a5d-ac96-774b-bcce-b302099a8057", "code": "acme", "name": "Acme", "region": "eu",
            "package": "starter", "billingEmail": "a@b.example", "status": "PROVISIONING", "version": 1, "createdAt": "x"}"#;
        let base = server("200 OK", body, Duration::ZERO).await;
        let snapshot = source(&base).fetch("acme").await.unwrap();
        assert_eq!(snapshot.unwrap().cluster, None);
    }

    #[tokio::test]
    async fn not_found_is_unknown_and_everything_else_is_unreachable() {
        let base = server("404 Not Found", "{}", Duration::ZERO).await;
        assert_eq!(source(&base).fetch("acme").await.unwrap(), None);
        for status in ["401 Unauthorized", "500 Oops", "200 OK"] {
            let base = server(status, "{}", Duration::ZERO).await;
            assert!(source(&base).fetch("acme").await.is_err(), "{status}");
        }
        assert!(source("http://127.0.0.1:9").fetch("acme").await.is_err());
    }

    #[tokio::test]
    async fn without_a_token_the_source_is_unreachable() {
        let no_token = || async { Err("no token") };
        let client = |base| {
            ServiceClient::with_bearer(
                "TENANTRY_TENANT_URL",
                base,
                HttpTenantSource::TIMEOUT,
                no_token,
            )
        };
        assert!(client("nonsense").is_err());
        let source = HttpTenantSource(client("http://127.0.0.1:9").unwrap());
        assert!(source.fetch("acme").await.is_err());
    }

    #[tokio::test]
    async fn a_slow_tenant_service_is_given_up() {
        let base = server("200 OK", "{}", Duration::from_secs(10)).await;
        let begin = Instant::now();
        assert!(source(&base).fetch("acme").await.is_err());
        assert!(begin.elapsed() < Duration::from_secs(2));
    }
}
