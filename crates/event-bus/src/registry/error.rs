//! What the errors of the registry's client mean.

use std::error::Error as _;

use reqwest::StatusCode;
use schema_registry_converter::{error::SRCError, schema_registry_common::RawError};

/// Why the registry gave no answer, or which.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum RegistryError {
    /// It cannot be reached, or is out of order: try later.
    #[error("schema registry unavailable: {0}")]
    Unavailable(String),
    /// It says no, and will say no again: incompatible or invalid schema.
    #[error("schema registry refused: {0}")]
    Refused(String),
    /// It does not know this id.
    #[error("schema registry knows no schema {0}")]
    UnknownId(u32),
}

impl RegistryError {
    /// The error of a registration.
    pub(super) fn of_registration(error: &SRCError) -> Self {
        let reason = reason(error);
        match status(error) {
            Some(
                StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST,
            ) => Self::Refused(reason),
            _ => Self::Unavailable(reason),
        }
    }

    /// The error of a look-up of a schema by its id.
    pub(super) fn of_lookup(id: u32, error: &SRCError) -> Self {
        match status(error) {
            Some(StatusCode::NOT_FOUND) => Self::UnknownId(id),
            _ => Self::of_registration(error),
        }
    }
}

/// The status of the answer, if there was one and it was not a success.
///
/// The client keeps it in its message only. Its `retriable` is no help: it is false for 500 and 504, for a login that is
/// refused and for an answer cut short, all of which may be different the next time.
fn status(error: &SRCError) -> Option<StatusCode> {
    error.source()?.downcast_ref::<RawError>()?;
    let (_, status) = error.error.rsplit_once("status ")?;
    status.get(..3)?.parse().ok()
}

/// The client's message with all its causes.
fn reason(error: &SRCError) -> String {
    let mut reason = error.error.clone();
    let mut source = error.source();
    while let Some(cause) = source {
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    reason.chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::{AvroSchema, Registry};

    /// A registry that gives every question the same answer.
    async fn registry(answer: String) -> Registry {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", server.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = server.accept().await {
                let mut request = vec![0; 4096];
                let _read = socket.read(&mut request).await;
                let _written = socket.write_all(answer.as_bytes()).await;
            }
        });
        Registry::new(&url).unwrap()
    }

    fn answer(status: &str, body: &str) -> String {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
    }

    fn schema() -> AvroSchema {
        AvroSchema::parse(r#"{"type":"record","name":"A","fields":[]}"#).unwrap()
    }

    #[tokio::test]
    async fn a_refusal_stays_one_and_everything_else_may_pass() {
        let body = r#"{"error_code":42201,"message":"no such type"}"#;
        for (status, refused) in [
            ("400 Bad Request", true),
            ("401 Unauthorized", false),
            ("404 Not Found", false),
            ("409 Conflict", true),
            ("422 Unprocessable Entity", true),
            ("429 Too Many Requests", false),
            ("500 Internal Server Error", false),
            ("502 Bad Gateway", false),
            ("503 Service Unavailable", false),
            ("504 Gateway Timeout", false),
        ] {
            for body in [body, "<html>", ""] {
                let registry = registry(answer(status, body)).await;
                let error = registry.id("a", &schema()).await.unwrap_err();
                let is_refused = matches!(error, RegistryError::Refused(_));
                assert_eq!(is_refused, refused, "{error}");
                assert!(error.to_string().contains(&status[..3]), "{error}");
                assert_eq!(error.to_string().contains("no such type"), body.len() > 9);
            }
        }
    }

    #[tokio::test]
    async fn an_id_is_unknown_only_when_the_registry_says_so() {
        let body = r#"{"error_code":40403,"message":"schema not found"}"#;
        let unknown = registry(answer("404 Not Found", body)).await;
        let error = unknown.schema(7).await.unwrap_err();
        assert_eq!(error, RegistryError::UnknownId(7));
        for answer in [
            answer("500 Internal Server Error", body),
            answer("200 OK", "<html>"),
            answer("200 OK", "{}"),
            "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".to_owned(),
            String::new(),
        ] {
            let error = registry(answer).await.schema(7).await.unwrap_err();
            assert!(matches!(error, RegistryError::Unavailable(_)), "{error}");
        }
    }

    #[tokio::test]
    async fn a_registry_that_is_not_there_is_unavailable_unless_another_is() {
        let nobody = "http://127.0.0.1:1";
        let error = Registry::new(nobody).unwrap().schema(7).await.unwrap_err();
        assert!(matches!(error, RegistryError::Unavailable(_)), "{error}");

        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = format!("http://{}/", server.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut socket, _) = server.accept().await.unwrap();
            let _read = socket.read(&mut [0; 4096]).await;
            let stored = answer(
                "200 OK",
                r#"{"schema":"{\"type\":\"record\",\"name\":\"A\",\"fields\":[]}"}"#,
            );
            let _written = socket.write_all(stored.as_bytes()).await;
        });
        let two = Registry::new(&format!("{nobody},{there}")).unwrap();
        assert_eq!(two.schema(7).await.unwrap().full_name(), "A");
    }
}
